import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type f32, storageTypeByName } from '../../src/dtype/index.ts';
import { createFileFolder } from '../../src/format/file-source.ts';
import { writeSafetensors } from '../../src/format/safetensors-writer.ts';
import { openStoredModel } from '../../src/format/stored-model.ts';
import { runCli, runJson } from '../cli/run-cli.ts';
import { logitsOf, writeHfFolder } from '../convert/models.ts';
import { type NamedTensor, randomDots1Weights, SMALLEST_HF_CONFIG } from '../fixtures/random-dots1.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-scaled-'));
afterAll(() => rmSync(folder, { recursive: true }));

// The values of e4m3 by its definition, not by the project's own table.
const E4M3 = Array.from({ length: 256 }, (_, byte) => {
  const [exponent, mantissa] = [(byte >> 3) & 15, byte & 7];
  const size = exponent === 0 ? (mantissa / 8) * 2 ** -6 : (1 + mantissa / 8) * 2 ** (exponent - 7);
  return (byte & 128 ? -1 : 1) * ((byte & 127) === 127 ? Number.NaN : size);
});

function toE4m3(value: number): number {
  let best = 0;
  for (let byte = 0; byte < 256; byte++)
    if (Math.abs(E4M3[byte] - value) < Math.abs(E4M3[best] - value)) best = byte;
  return best;
}

interface Scaling {
  readonly ending: string;
  /** Rows and columns that share a scale; 0: all. */
  readonly block: readonly [number, number];
  readonly shape: (grid: readonly [number, number]) => readonly number[];
  readonly quantization?: object;
}

const SCALINGS: Record<string, Scaling> = {
  'one scale': { ending: '_scale', block: [0, 0], shape: () => [] },
  'one scale in a list': { ending: '_scale', block: [0, 0], shape: () => [1] },
  'a scale for each row': { ending: '_scale', block: [1, 0], shape: ([rows]) => [rows, 1] },
  'a scale for each row, flat': { ending: '_scale', block: [1, 0], shape: ([rows]) => [rows] },
  'a scale for each block': {
    ending: '_scale_inv',
    block: [6, 4],
    shape: (grid) => grid,
    quantization: { quant_method: 'fp8', weight_block_size: [6, 4] },
  },
  'a scale for each block of the usual size': {
    ending: '_scale_inv',
    block: [128, 128],
    shape: (grid) => grid,
  },
  'blocks of compressed-tensors': {
    ending: '_scale',
    block: [6, 4],
    shape: (grid) => grid,
    quantization: { config_groups: { group_0: { weights: { block_structure: [6, 4] } } } },
  },
};

/** Writes the matrices of the layers as e4m3 with scales, and returns what they then stand for. */
async function writeScaled(path: string, { ending, block, shape, quantization }: Scaling) {
  const weights = randomDots1Weights(SMALLEST_HF_CONFIG, 3);
  const meant = new Map<string, NamedTensor>();
  const tensors: { name: string; type: typeof f32; shape: readonly number[]; bytes: Uint8Array }[] = [];
  const add = (name: string, type: string, size: readonly number[], bytes: Uint8Array) =>
    tensors.push({ name, type: storageTypeByName(type), shape: size, bytes });
  for (const [name, tensor] of weights) {
    const { data } = tensor;
    if (!/proj\.weight$/.test(name)) {
      meant.set(name, tensor);
      add(name, 'f32', tensor.shape, new Uint8Array(data.buffer));
      continue;
    }
    const [rows, columns] = tensor.shape;
    const [high, wide] = [block[0] || rows, block[1] || columns];
    const grid: [number, number] = [Math.ceil(rows / high), Math.ceil(columns / wide)];
    const scales = Float32Array.from({ length: grid[0] * grid[1] }, (_, i) => 0.001 * (i + 1));
    const scaleAt = (i: number) =>
      scales[Math.floor(Math.floor(i / columns) / high) * grid[1] + Math.floor((i % columns) / wide)];
    const bytes = Uint8Array.from(data, (value, i) => toE4m3(value / scaleAt(i)));
    const values = Float32Array.from(bytes, (byte, i) => E4M3[byte] * scaleAt(i));
    meant.set(name, { shape: tensor.shape, data: values });
    add(name, 'f8_e4m3', tensor.shape, bytes);
    add(name + ending, 'f32', shape(grid), new Uint8Array(scales.buffer));
    add(name.replace('weight', 'input_scale'), 'f32', [], new Uint8Array(4));
  }
  mkdirSync(path);
  const config = { ...SMALLEST_HF_CONFIG, ...(quantization && { quantization_config: quantization }) };
  writeFileSync(join(path, 'config.json'), JSON.stringify(config));
  await writeSafetensors(await createFileFolder(path), { tensors, bytes: ({ bytes }) => [bytes] });
  return meant;
}

describe('eight-bit floats with scales', () => {
  it.each(Object.entries(SCALINGS))('%s: the values are the products', async (name, scaling) => {
    const path = join(folder, name);
    const meant = await writeScaled(path, scaling);
    const model = await openStoredModel(path);
    expect([...model.tensors.keys()].sort()).toEqual([...meant.keys()].sort());
    for (const [key, { data }] of meant) {
      const { source, offset, sizeBytes } = model.tensors.get(key) as never as {
        source: { read(offset: number, length: number): Promise<Uint8Array> };
        offset: number;
        sizeBytes: number;
      };
      const bytes = await source.read(offset, sizeBytes);
      expect(Buffer.from(bytes).equals(Buffer.from(data.buffer))).toBe(true);
      // A part that begins within a row, as conversion reads it.
      const part = await source.read(offset + 4, 8);
      expect(Buffer.from(part).equals(Buffer.from(data.buffer, 4, 8))).toBe(true);
    }
    await model.close();
  });

  it('a model of them gives the logits of the same weights in f32, and so does its GGUF file', async () => {
    const path = join(folder, 'fp8');
    const meant = await writeScaled(path, SCALINGS['a scale for each block']);
    const plain = await writeHfFolder(join(folder, 'f32'), SMALLEST_HF_CONFIG, (weights) => {
      for (const [name, tensor] of meant) weights.set(name, tensor);
    });
    const tokens = [1, 5, 9, 2];
    const expected = await logitsOf(plain, tokens);
    expect(await logitsOf(path, tokens)).toEqual(expected);
    const gguf = join(folder, 'fp8.gguf');
    expect(await runCli(['convert', path, gguf, '--type', 'f32'])).toMatchObject({ code: 0 });
    expect(await logitsOf(gguf, tokens)).toEqual(expected);
    const facts = await runJson<{ tensorTypes: Record<string, number> }>(['info', path]);
    expect(Object.keys(facts.tensorTypes).sort()).toEqual(['f32', 'f8_e4m3']);
  });

  it('scales of another shape are refused', async () => {
    const path = join(folder, 'wrong');
    await writeScaled(path, { ending: '_scale_inv', block: [6, 4], shape: (grid) => grid });
    await expect(openStoredModel(path)).rejects.toMatchObject({
      code: 'wrong-tensors',
      message: expect.stringMatching(/Cannot apply .*_scale_inv: it is \[3,4\] for a weight of \[16,16\]/),
    });
  });
});
