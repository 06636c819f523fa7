import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/backend/native/addon.ts';
import { openNativeEncoder } from '../../src/backend/native/row-encoder.ts';
import { openConvertSource } from '../../src/convert/convert-source.ts';
import { storageBytes } from '../../src/dtype/index.ts';
import { openGguf } from '../../src/format/gguf-shards.ts';
import { findString } from '../../src/format/gguf-values.ts';
import { openImportance } from '../../src/quantize/importance-files.ts';
import { importanceOf } from '../../src/quantize/importance-matrix.ts';
import { runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-recipe-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const TINY = fileURLToPath(new URL('../fixtures/tiny-hf', import.meta.url));
const TEXT = fileURLToPath(new URL('../../README.md', import.meta.url));
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

async function fails(...args: string[]): Promise<string> {
  const { code, stderr } = await runCli(['quantize', TINY, at('x.gguf'), ...args]);
  expect(code).toBeGreaterThan(0);
  return stderr;
}

describe.skipIf(!loadAddon().addon)('dots quantize --budget', () => {
  const search = ['--budget', '5.2bpw', '--calibration', TEXT, '--texts', '10'];
  let report: {
    bitsPerWeight: number;
    recipe: { kl: Record<string, number>; types: Record<string, string> };
  };
  beforeAll(async () => {
    const { code, stdout, stderr } = await runCli(['quantize', TINY, at('a.gguf'), ...search, '--json']);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    report = JSON.parse(stdout);
  }, 60_000);

  it('keeps to the budget, and says what it predicted and measured', async () => {
    expect(report.bitsPerWeight).toBeLessThanOrEqual(5.2);
    expect(report.bitsPerWeight).toBeGreaterThan(5);
    const { predicted, measured, guard } = report.recipe.kl;
    for (const value of [predicted, measured, guard]) expect(value).toBeGreaterThan(0);
    await using file = await openGguf(at('a.gguf'));
    const recipe = JSON.parse(findString(file.metadata, 'dots.recipe') as string);
    expect(recipe).toEqual(report.recipe);
    for (const [name, type] of Object.entries(report.recipe.types))
      expect(file.tensors.get(name)?.type.name).toBe(type);
    expect(JSON.stringify(recipe)).not.toContain(folder);
  });

  it('the recipe in the file makes the same file again, with any number of threads', async () => {
    for (const threads of ['1', '4']) {
      const args = ['--recipe', at('a.gguf'), '--imatrix', at('a.imatrix.gguf'), '--threads', threads];
      const { code, stderr } = await runCli(['quantize', TINY, at('b.gguf'), ...args, '--force']);
      expect(code).toBe(0);
      expect(stderr).not.toMatch(/is not the/);
      expect(sha256(at('b.gguf'))).toBe(sha256(at('a.gguf')));
    }
  });

  it('every instruction set encodes the tensors of the recipe to the same bytes', async () => {
    const { addon } = loadAddon();
    const importance = await openImportance(at('a.imatrix.gguf'));
    await using file = await openGguf(at('a.gguf'));
    const source = await openConvertSource(TINY, () => {});
    for (const isa of addon?.isas() ?? []) {
      const { encoder } = openNativeEncoder({ isa, threads: 2 });
      for (const { spec, runs } of source.weights) {
        const tensor = file.tensors.get(spec.gguf);
        if (!tensor || !encoder || tensor.type.isFloat) continue;
        const rows = importanceOf(importance, { name: spec.gguf, shape: spec.shape })?.rows;
        const bytes = await tensor.source.read(tensor.offset, tensor.sizeBytes);
        const size = bytes.length / runs.length;
        for (const [i, run] of runs.entries()) {
          const values = new Float32Array(run.numElements);
          const stored = await run.source.read(run.offset, storageBytes(run.type, run.numElements));
          run.type.decode(stored, 0, values, 0, values.length);
          const columns = spec.shape[spec.shape.length - 1];
          const weights = rows?.[rows.length > 1 ? i : 0];
          const encoded = await encoder.encodeRows(tensor.type, values, columns, weights);
          expect(Buffer.compare(encoded, bytes.subarray(i * size, (i + 1) * size))).toBe(0);
        }
      }
    }
    await source.close();
  });

  it('a token reads no more than --decode-budget', async () => {
    const args = [...search.slice(2), '--decode-budget', '120kB', '--json'];
    const { stdout } = await runCli(['quantize', TINY, at('g.gguf'), ...args]);
    const { tensors } = JSON.parse(stdout) as { tensors: { name: string; bytes: number }[] };
    // Three of eight experts.
    const read = tensors.reduce(
      (sum, { name, bytes }) => sum + (name.includes('_exps') ? (3 / 8) * bytes : bytes),
      0,
    );
    expect(read).toBeLessThanOrEqual(120_000);
    expect(read).toBeGreaterThan(95_000);
  }, 60_000);

  it('weights that are not numbers are named, and nothing is written', async () => {
    await runCli(['convert', TINY, at('nan.gguf'), '--type', 'f32']);
    const file = await openGguf(at('nan.gguf'));
    const { offset } = file.tensors.get('blk.1.attn_q.weight') as { offset: number };
    await file.close();
    const bytes = readFileSync(at('nan.gguf'));
    bytes.writeFloatLE(Number.NaN, offset);
    writeFileSync(at('nan.gguf'), bytes);
    const { code, stderr } = await runCli(['quantize', at('nan.gguf'), at('h.gguf'), ...search]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/not (?:a number|numbers)|is NaN/);
    expect(existsSync(at('h.gguf'))).toBe(false);
  });

  it('the search finds the same with another number of threads', async () => {
    await runCli(['quantize', TINY, at('c.gguf'), ...search, '--threads', '1']);
    expect(sha256(at('c.gguf'))).toBe(sha256(at('a.gguf')));
  }, 60_000);

  it('a size in bytes is one of the file', async () => {
    const size = readFileSync(at('a.gguf')).length;
    await runCli(['quantize', TINY, at('d.gguf'), ...search.slice(2), '--budget', `${size}B`]);
    const found = readFileSync(at('d.gguf')).length;
    expect(found).toBeLessThanOrEqual(size);
    expect(found).toBeGreaterThan(0.85 * size);
  }, 60_000);

  it('goes by errors of outputs on request, and by rules for single tensors', async () => {
    const { stdout } = await runCli([
      ...['quantize', TINY, at('e.gguf'), ...search, '--objective', 'weight-error', '--json'],
      ...['--tensor-type', 'attn_v=q8_0'],
    ]);
    const { recipe } = JSON.parse(stdout);
    expect(recipe.objective).toBe('weight-error');
    expect(recipe.kl).toBeUndefined();
    expect(recipe.types['blk.1.attn_v.weight']).toBe('q8_0');
  });

  it('refuses what cannot be, with what would do', async () => {
    const budget = ['--budget', '5bpw', '--calibration'];
    expect(await fails('--budget', '1.2bpw', '--calibration', TEXT, '--texts', '12')).toMatch(
      /the smallest possible is .* bits per weight[\s\S]*divide rows of/,
    );
    expect(await fails('--budget', '5bpw')).toMatch(/without text[\s\S]*--calibration/);
    expect(await fails()).toMatch(/without knowing how far[\s\S]*--type/);
    expect(await fails(...budget, TEXT, '--type', 'q4_0')).toMatch(/exclude each other/);
    writeFileSync(at('short.txt'), 'Too short.');
    expect(await fails(...budget, at('short.txt'))).toMatch(/it takes 10 or more/);
    expect(await fails(...budget, TEXT, '--tensor-type', 'nothing=q8_0')).toMatch(/has a name like/);
    expect(await fails('--recipe', at('a.gguf'))).toMatch(/without the importance matrix/);
    const imatrix = ['--imatrix', at('a.imatrix.gguf')];
    const types = { ...report.recipe.types, 'blk.9.attn_q.weight': 'q8_0' };
    writeFileSync(at('other.json'), JSON.stringify({ ...report.recipe, types }));
    expect(await fails('--recipe', at('other.json'), ...imatrix)).toMatch(
      /names blk\.9\.attn_q\.weight, which the model does not have/,
    );
    writeFileSync(at('broken.json'), '{"format":1}');
    expect(await fails('--recipe', at('broken.json'), ...imatrix)).toMatch(/"version" is not a string/);
    await runCli(['quantize', TINY, at('plain.gguf'), '--type', 'q8_0']);
    expect(await fails('--recipe', at('plain.gguf'), ...imatrix)).toMatch(/the file has none/);
  });

  it('another importance matrix or another model is named: the file is not the same then', async () => {
    await runCli(['imatrix', TINY, at('other.gguf'), '--file', TEXT, '--chunks', '2']);
    const args = ['--recipe', at('a.gguf'), '--imatrix', at('other.gguf')];
    const { code, stderr } = await runCli(['quantize', TINY, at('f.gguf'), ...args]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/is not the importance matrix of the recipe/);
    expect(sha256(at('f.gguf'))).not.toBe(sha256(at('a.gguf')));
  });
});
