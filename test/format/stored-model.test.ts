import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { storageTypeByName } from '../../src/dtype/index.ts';
import { createFileFolder } from '../../src/format/file-source.ts';
import { writeSafetensors } from '../../src/format/safetensors-writer.ts';
import { openStoredModel } from '../../src/format/stored-model.ts';
import { TINY_HF_FOLDER, TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-stored-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function folderWith(name: string, type: string): Promise<string> {
  const path = join(folder, `${type}-${name}`);
  mkdirSync(path);
  writeFileSync(join(path, 'config.json'), '{}');
  const bytes = new Uint8Array(8);
  await writeSafetensors(await createFileFolder(path), {
    tensors: [{ name, type: storageTypeByName(type), shape: [bytes.length] }],
    bytes: () => [bytes],
  });
  return path;
}

describe('openStoredModel()', () => {
  it('gives the same for both formats, except for the location of their facts', async () => {
    const gguf = await openStoredModel(TINY_LLAMACPP_GGUF);
    const hf = await openStoredModel(`${TINY_HF_FOLDER}/`);
    expect([gguf.format, hf.format]).toEqual(['gguf', 'hf']);
    expect(hf.name).toBe('tiny-hf');
    expect(hf.fileBytes).toBe([...hf.tensors.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
    expect(gguf.tensors.get('output_norm.weight')?.shape).toEqual(hf.tensors.get('model.norm.weight')?.shape);
    await gguf.close();
    await hf.close();
  });

  // Eight-bit floats come with scales in other tensors; without those the values are wrong.
  it('refuses weights that need scales, whoever opens the folder', async () => {
    const path = await folderWith('model.norm.weight', 'f8_e4m3');
    await expect(openStoredModel(path)).rejects.toMatchObject({
      name: 'UnsupportedError',
      code: 'unsupported-tensor-type',
      message: `${path} stores "model.norm.weight" as f8_e4m3`,
    });
    const table = await openStoredModel(await folderWith('layers.0.rotary_emb.inv_freq', 'f8_e4m3'));
    expect(table.tensors.size).toBe(1);
    await table.close();
  });
});
