import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { open } from '../../src/engine/model.ts';
import { createFileFolder } from '../../src/format/file-source.ts';
import { writeSafetensors } from '../../src/format/safetensors-writer.ts';
import { openStoredModel } from '../../src/format/stored-model.ts';
import type { StoredTensor } from '../../src/format/stored-tensor.ts';
import { TINY_HF_FOLDER } from '../fixtures/golden-dots1.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-packed-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Packed extends Pick<StoredTensor, 'name' | 'type' | 'shape'> {
  readonly parts: readonly StoredTensor[];
}

/** Copies the folder with all experts of a layer in one tensor, as transformers 5 has them in memory. */
async function writePacked(): Promise<string> {
  const path = join(folder, 'packed');
  cpSync(TINY_HF_FOLDER, path, { recursive: true });
  const model = await openStoredModel(TINY_HF_FOLDER);
  const packed = new Map<string, StoredTensor[]>();
  for (const tensor of model.tensors.values()) {
    const [, layer, matrix] = /^(.*\.experts)\.\d+\.(gate|up|down)_proj\.weight$/.exec(tensor.name) ?? [];
    const name =
      layer === undefined ? tensor.name : `${layer}.${matrix === 'down' ? 'down_proj' : 'gate_up_proj'}`;
    packed.set(name, [...(packed.get(name) ?? []), tensor]);
  }
  const place = ({ name }: StoredTensor): number =>
    2 * Number(/experts\.(\d+)/.exec(name)?.[1]) + (name.includes('up_proj') ? 1 : 0);
  const tensors = [...packed].map(([name, found]): Packed => {
    const parts = found.length === 1 ? found : found.toSorted((a, b) => place(a) - place(b));
    const [{ type, shape }] = parts;
    const numExperts = new Set(parts.map((part) => place(part) >> 1)).size;
    const rows = (shape[0] * parts.length) / numExperts;
    return { name, type, parts, shape: parts.length === 1 ? shape : [numExperts, rows, shape[1]] };
  });
  await writeSafetensors(await createFileFolder(path), {
    tensors,
    bytes: async function* ({ parts }) {
      for (const { source, offset, sizeBytes } of parts) yield await source.read(offset, sizeBytes);
    },
  });
  await model.close();
  return path;
}

it('a folder with packed experts (experts.gate_up_proj) gives the logits of one with a tensor for each expert', async () => {
  const path = await writePacked();
  const model = await openStoredModel(path);
  const plain = await openStoredModel(TINY_HF_FOLDER);
  expect([...model.tensors.keys()].sort()).toEqual([...plain.tensors.keys()].sort());
  await model.close();
  await plain.close();
  const logits = await Promise.all(
    [path, TINY_HF_FOLDER].map(async (source) => {
      await using opened = await open(source, { backend: 'reference' });
      const rows: number[][] = [];
      for await (const { logits_V } of opened.logits([1, 2, 3], { first: 0 }))
        rows.push(Array.from(logits_V));
      return rows;
    }),
  );
  expect(logits[0]).toEqual(logits[1]);
});
