import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { openImportance, writeImportance } from '../../src/quantize/importance-files.ts';
import {
  FEW_TOKENS,
  type ImportanceMatrix,
  importanceOf,
  mergeImportance,
} from '../../src/quantize/importance-matrix.ts';

const golden = (name: string): string =>
  fileURLToPath(new URL(`../golden/quantize/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dots-importance-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ATTENTION = { name: 'blk.0.attn_q.weight', shape: [8, 4] };
const EXPERTS = { name: 'blk.1.ffn_up_exps.weight', shape: [3, 2, 4] };

/** Sums and counts as plain lists, whatever file they came from. */
function plain({ datasets, numChunks, chunkTokens, entries }: ImportanceMatrix): unknown {
  const lists = [...entries].map(([name, { sums, counts }]) => [name, [...sums], [...counts]]);
  return { datasets, numChunks, chunkTokens, entries: lists };
}

describe('importance matrices', () => {
  it('the GGUF form is read as the gguf package wrote it', async () => {
    expect(plain(await openImportance(golden('imatrix.gguf')))).toEqual({
      datasets: ['calibration.txt'],
      numChunks: 2,
      chunkTokens: 512,
      entries: [
        [ATTENTION.name, [1024, 2048, 3072, 4096], [1024]],
        [EXPERTS.name, [512, 1024, 1536, 2048, 3, 6, 9, 12, 0, 0, 0, 0], [1024, 3, 0]],
      ],
    });
  });

  it('the old form gives the same means', async () => {
    const matrix = await openImportance(golden('imatrix.dat'));
    expect(importanceOf(matrix, ATTENTION)?.rows.map((row) => [...row])).toEqual([[1, 2, 3, 4]]);
    expect(importanceOf(matrix, EXPERTS)).toEqual({
      rows: [Float32Array.of(0.5, 1, 1.5, 2), Float32Array.of(1, 2, 3, 4), Float32Array.of(1, 1, 1, 1)],
      unseen: [],
    });
  });

  it.each(['out.gguf', 'out.dat'])('what was written to %s is read again', async (name) => {
    const matrix = await openImportance(golden('imatrix.gguf'));
    const path = join(folder, name);
    await writeImportance(path, matrix);
    const again = await openImportance(path);
    if (name.endsWith('.gguf')) expect(plain(again)).toEqual(plain(matrix));
    // The old form forgets who saw how much, and fills experts without tokens with ones.
    else expect(readFileSync(path)).toEqual(readFileSync(golden('imatrix.dat')));
  });

  it('experts that saw few tokens lean on the mean of all, and are named', async () => {
    const matrix = await openImportance(golden('imatrix.gguf'));
    const { rows, unseen } = importanceOf(matrix, EXPERTS) ?? { rows: [], unseen: [] };
    expect(unseen).toEqual([1, 2]);
    const pooled = [515, 1030, 1545, 2060].map((sum) => sum / 1027);
    expect([...rows[0]]).toEqual([0.5, 1, 1.5, 2]);
    for (const [j, mean] of pooled.entries()) {
      expect(rows[1][j]).toBeCloseTo(((j + 1) * 3 + (FEW_TOKENS - 3) * mean) / FEW_TOKENS, 5);
      expect(rows[2][j]).toBeCloseTo(mean, 5);
    }
  });

  it('without any token every column counts the same', () => {
    const entries = new Map([
      [EXPERTS.name, { sums: new Float32Array(12), counts: new Float32Array(3) }],
      [ATTENTION.name, { sums: new Float32Array(4), counts: new Float32Array(1) }],
    ]);
    const matrix = { origin: 'x', datasets: [], numChunks: 0, chunkTokens: 512, entries };
    expect(importanceOf(matrix, EXPERTS)?.rows).toEqual(Array(3).fill(Float32Array.of(1, 1, 1, 1)));
    expect(importanceOf(matrix, ATTENTION)?.rows).toEqual([Float32Array.of(1, 1, 1, 1)]);
  });

  it('several become one, also of both forms', async () => {
    const [a, b] = [
      await openImportance(golden('imatrix.gguf')),
      await openImportance(golden('imatrix.dat')),
    ];
    const { entries, numChunks } = mergeImportance([a, b]);
    expect(numChunks).toBe(4);
    expect([...(entries.get(ATTENTION.name)?.sums ?? [])]).toEqual([2048, 4096, 6144, 8192]);
    expect([...(entries.get(ATTENTION.name)?.counts ?? [])]).toEqual([2048]);
    expect([...(entries.get(EXPERTS.name)?.counts ?? [])]).toEqual([2048, 1027, 1024]);
  });

  it('a matrix of another model is refused by the name of the tensor', async () => {
    const matrix = await openImportance(golden('imatrix.gguf'));
    expect(() => importanceOf(matrix, { ...EXPERTS, shape: [4, 2, 4] })).toThrow(
      /blk\.1\.ffn_up_exps.*16 columns/,
    );
    expect(importanceOf(matrix, { ...EXPERTS, name: 'blk.9.ffn_up_exps.weight' })).toBeUndefined();
    const other = {
      ...matrix,
      entries: new Map([[ATTENTION.name, { sums: new Float32Array(8), counts: new Float32Array(1) }]]),
    };
    expect(() => mergeImportance([matrix, other])).toThrow(/Cannot merge/);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1])(
    'a value of %f is refused with its place',
    async (bad) => {
      const matrix = await openImportance(golden('imatrix.gguf'));
      const sums = Float32Array.of(1, 2, bad, 4);
      const path = join(folder, 'bad.gguf');
      await writeImportance(path, {
        ...matrix,
        entries: new Map([['x.weight', { sums, counts: Float32Array.of(1) }]]),
      });
      await expect(openImportance(path)).rejects.toMatchObject({
        code: 'bad-importance',
        message: expect.stringContaining('2 of "x.weight"'),
      });
    },
  );

  it('files of another kind are refused by what they are', async () => {
    await expect(
      openImportance(fileURLToPath(new URL('../../models/mini.gguf', import.meta.url))),
    ).rejects.toMatchObject({ code: 'not-imatrix' });
    const path = join(folder, 'text.dat');
    for (const content of ['', 'abc', 'some text that is longer than a number']) {
      writeFileSync(path, content);
      await expect(openImportance(path)).rejects.toMatchObject({ name: 'FormatError' });
    }
    const whole = readFileSync(golden('imatrix.dat'));
    for (let length = 1; length < whole.length; length += 3) {
      writeFileSync(path, whole.subarray(0, length));
      const found = await openImportance(path).catch((error: Error) => error.name);
      // It may end after the entries, where older files did.
      if (typeof found !== 'string') expect(found.entries.size).toBe(2);
      else expect(found).toBe('FormatError');
    }
  });
});
