import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/backend/native/addon.ts';
import { openGguf } from '../../src/format/gguf-shards.ts';
import { findNumber, findString } from '../../src/format/gguf-values.ts';
import type { StoredTensor } from '../../src/format/stored-tensor.ts';
import { writeHfFolder } from '../convert/models.ts';
import { SMALLEST_HF_CONFIG } from '../fixtures/random-dots1.ts';
import { runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-quantize-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const TINY = fileURLToPath(new URL('../fixtures/tiny-hf', import.meta.url));

async function json(...args: string[]): Promise<{
  tensors: { name: string; from: string; to: string; insteadOf?: string; bytes: number; error?: number }[];
  bytes: number;
  bitsPerWeight: number;
}> {
  const { code, stdout, stderr } = await runCli(['quantize', ...args, '--json']);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

describe('dots quantize', () => {
  it('writes the types that it names, and says how large the errors are', async () => {
    const { tensors, bytes, bitsPerWeight } = await json(
      TINY,
      at('a.gguf'),
      '--type',
      'Q4_0',
      '--output-type',
      'q8_0',
    );
    await using file = await openGguf(at('a.gguf'));
    for (const { name, to, bytes: size } of tensors) {
      expect(file.tensors.get(name)).toMatchObject({ type: { name: to }, sizeBytes: size });
    }
    expect(tensors).toHaveLength(file.tensors.size);
    expect(findNumber(file.metadata, 'general.file_type')).toBe(2);
    expect(bytes).toBe(tensors.reduce((sum, { bytes: size }) => sum + size, 0));
    expect(bitsPerWeight).toBeGreaterThan(4.5);
    const types = new Set(tensors.map(({ to }) => to));
    expect([...types].sort()).toEqual(['f32', 'q4_0', 'q8_0']);
    for (const { to, error = 0 } of tensors) {
      if (to === 'q4_0') expect(error).toSatisfy((x: number) => x > 0.03 && x < 0.12);
      if (to === 'q8_0') expect(error).toSatisfy((x: number) => x > 1e-4 && x < 0.01);
    }
  });

  it('rules are taken in their order, --output-type before them', async () => {
    const { tensors } = await json(
      ...[TINY, at('b.gguf'), '--type', 'f16', '--output-type', 'q5_0', '--embedding-type', 'q4_1'],
      ...['--tensor-type', 'blk\\.0\\..*down=q8_0', '--tensor-type', 'down|output=q5_1', '--dry-run'],
    );
    const type = (name: string) => tensors.find((tensor) => tensor.name === name)?.to;
    expect(type('output.weight')).toBe('q5_0');
    expect(type('token_embd.weight')).toBe('q4_1');
    expect(type('blk.0.ffn_down.weight')).toBe('q8_0');
    expect(type('blk.1.ffn_down_exps.weight')).toBe('q5_1');
    expect(type('blk.1.attn_output.weight')).toBe('q5_1');
    expect(type('blk.1.attn_q.weight')).toBe('f16');
    expect(type('blk.1.ffn_gate_inp.weight')).toBe('f32');
    expect(readdirSync(folder)).not.toContain('b.gguf');
  });

  it('--pure has one type for all matrices, and the table for their rows', async () => {
    const { tensors } = await json(TINY, at('c.gguf'), '--type', 'iq3_s', '--pure', '--dry-run');
    const types = new Set(tensors.map(({ to, insteadOf }) => `${to} ${insteadOf ?? ''}`));
    expect([...types].sort()).toEqual(['f32 ', 'iq4_nl iq3_s']);
    const old = await json(
      TINY,
      at('c.gguf'),
      '--type',
      'q2_k',
      '--pure',
      '--dry-run',
      '--fallbacks',
      'mid-2025',
    );
    expect(new Set(old.tensors.map(({ to }) => to))).toEqual(new Set(['f32', 'iq4_nl']));
  });

  it('--split-size makes several files, and --keep-split keeps them', async () => {
    await json(TINY, at('d.gguf'), '--type', 'f16', '--split-size', '100kB');
    const first = readdirSync(folder)
      .filter((name) => name.startsWith('d-'))
      .sort();
    expect(first.length).toBeGreaterThan(2);
    await json(at(first[1]), at('e.gguf'), '--type', 'q8_0', '--keep-split');
    const second = readdirSync(folder)
      .filter((name) => name.startsWith('e-'))
      .sort();
    expect(second.map((name) => name.slice(1))).toEqual(first.map((name) => name.slice(1)));
    await using a = await openGguf(at(first[0]));
    await using b = await openGguf(at(second[0]));
    const shardOf = ({ source }: { source: { name: string } }): string => source.name.slice(-20);
    for (const [name, tensor] of a.tensors)
      expect(shardOf(b.tensors.get(name) as typeof tensor)).toBe(shardOf(tensor));
    await json(at(first[0]), at('whole.gguf'), '--type', 'q8_0');
    await json(TINY, at('direct.gguf'), '--type', 'q8_0');
    await using whole = await openGguf(at('whole.gguf'));
    expect(findNumber(whole.metadata, 'split.count')).toBeUndefined();
  });

  it('an importance matrix is used, and named in the file', async () => {
    await runCli([
      'imatrix',
      TINY,
      at('tiny.gguf'),
      '--file',
      fileURLToPath(import.meta.url),
      '--chunks',
      '4',
    ]);
    await json(TINY, at('f.gguf'), '--type', 'q4_0', '--imatrix', at('tiny.gguf'));
    await using file = await openGguf(at('f.gguf'));
    expect(findString(file.metadata, 'quantize.imatrix.file')).toContain('tiny.gguf');
    expect(findNumber(file.metadata, 'quantize.imatrix.chunks_count')).toBe(4);
    // The encoders in TypeScript round, and have no use for it.
    if (!loadAddon().addon) return;
    await json(TINY, at('unweighted.gguf'), '--type', 'q4_0');
    await using unweighted = await openGguf(at('unweighted.gguf'));
    const [a, b] = await Promise.all(
      [file, unweighted].map(async ({ tensors }) => {
        const { source, offset, sizeBytes } = tensors.get('blk.0.attn_q.weight') as StoredTensor;
        return Buffer.from(await source.read(offset, sizeBytes));
      }),
    );
    expect(a.equals(b)).toBe(false);
  });

  it('the same command gives the same bytes', async () => {
    await json(TINY, at('g.gguf'), '--type', 'q5_1');
    const once = readFileSync(at('g.gguf'));
    await json(TINY, at('g.gguf'), '--type', 'q5_1', '--force');
    expect(readFileSync(at('g.gguf')).equals(once)).toBe(true);
  });

  it.each([
    ['a type that there is not', ['--type', 'q4_k_x'], /choose one of q4_0, q4_1, q4_k_s, q4_k_m/],
    [
      'a mix for one tensor',
      ['--type', 'f16', '--tensor-type', 'down=q4_k_m'],
      /is a mix of types, for --type/,
    ],
    ['a broken pattern', ['--type', 'f16', '--tensor-type', '(=q8_0'], /Invalid regular expression/],
    ['a rule without a type', ['--type', 'f16', '--tensor-type', 'down'], /It takes REGEX=TYPE/],
    [
      'a rule that matches nothing',
      ['--type', 'f16', '--tensor-type', 'ffn_norm=q8_0'],
      /No tensor that can be quantised/,
    ],
    [
      'a type that does not divide rows',
      ['--type', 'f16', '--output-type', 'q6_k'],
      /Cannot store output\.weight as q6_k: its rows have \d+ values/,
    ],
  ])('%s is refused before anything is written', async (_, flags, message) => {
    const before = readdirSync(folder).sort();
    const { code, stderr } = await runCli(['quantize', TINY, at('x.gguf'), ...flags]);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  it('what is quantised already is refused, and allowed with a warning', async () => {
    const refused = await runCli(['quantize', 'mini', at('y.gguf'), '--type', 'q4_0']);
    expect(refused.stderr).toMatch(/quantised already \(q8_0\)[\s\S]*--requantize/);
    const allowed = await runCli([
      'quantize',
      'mini',
      at('y.gguf'),
      '--type',
      'q4_0',
      '--requantize',
      '--dry-run',
    ]);
    expect(allowed.stderr).toMatch(/their errors remain/);
    expect(allowed.code).toBe(0);
  });

  it.each([
    [Number.NaN, 'is NaN', 'get the file again'],
    [-Number.POSITIVE_INFINITY, 'is -Infinity', 'get the file again'],
    [1e6, 'is 1000000, more than 65,504', 'keep this tensor as f32'],
  ])('a weight of %d is refused by tensor, row and column', async (value, what, hint) => {
    const path = at(`damaged by ${value}`);
    await writeHfFolder(path, { ...SMALLEST_HF_CONFIG, hidden_size: 32 }, (weights) => {
      const { data } = weights.get('model.layers.1.mlp.experts.2.up_proj.weight') as { data: Float32Array };
      data[3 * 32 + 5] = value;
    });
    const types = ['--type', 'f16', '--tensor-type', 'up_exps=q8_0'];
    const { code, stderr } = await runCli(['quantize', path, at('damaged.gguf'), ...types]);
    expect(stderr).toContain(`"blk.1.ffn_up_exps.weight" of `);
    expect(stderr).toContain(`row 23, column 5 ${what}`);
    expect(stderr).toContain(hint);
    expect(code).toBe(1);
    expect(readdirSync(folder)).not.toContain('damaged.gguf');
  });

  it('the matrix of another model is refused', async () => {
    await runCli([
      'imatrix',
      'mini',
      at('mini.gguf'),
      '--file',
      fileURLToPath(import.meta.url),
      '--chunks',
      '1',
    ]);
    const { stderr } = await runCli([
      'quantize',
      TINY,
      at('z.gguf'),
      '--type',
      'q4_0',
      '--imatrix',
      at('mini.gguf'),
    ]);
    expect(stderr).toMatch(/made with another model/);
  });

  it.each([
    [['--type', 'q8_0', '--calibration', 'text.txt'], '--calibration'],
    [['--budget', '5bpw', '--calibration', 'text.txt', '--pure'], '--pure'],
    [
      ['--recipe', 'r.json', '--tensor-type', 'ffn=q8_0', '--output-type', 'f16'],
      '--tensor-type and --output-type',
    ],
  ])('%j: an option without effect is refused', async (args, what) => {
    const { code, stderr } = await runCli(['quantize', TINY, at('unused.gguf'), ...args]);
    expect(stderr).toContain(`Cannot use ${what} with`);
    expect(code).toBe(2);
  });

  it('a budget of 3.2 is not taken for three bytes', async () => {
    const { stderr } = await runCli(['quantize', TINY, at('unused.gguf'), '--budget', '3.2']);
    expect(stderr).toContain('3.2bpw');
  });

  it('the importance matrix of a search takes the place of no other file', async () => {
    const text = at('text.txt');
    writeFileSync(text, 'A text.');
    const search = (name: string, ...args: string[]): Promise<{ code: number; stderr: string }> =>
      runCli(['quantize', TINY, at(name), '--budget', '5bpw', '--calibration', text, ...args]);
    writeFileSync(at('mine.imatrix.gguf'), 'precious');
    const refused = await search('mine.gguf');
    expect(refused.stderr).toMatch(/mine\.imatrix\.gguf: it already exists/);
    // An interrupted run wrote it: the same command continues, and gets as far as to the text, which is too short.
    writeFileSync(at('mine.gguf.partial'), '');
    expect((await search('mine.gguf')).stderr).toMatch(/pieces of 128 tokens/);
    expect(readFileSync(at('mine.imatrix.gguf'), 'utf8')).toBe('precious');
    copyFileSync(
      fileURLToPath(new URL('../fixtures/tiny-llamacpp.gguf', import.meta.url)),
      at('own.imatrix.gguf'),
    );
    const args = [
      'quantize',
      at('own.imatrix.gguf'),
      at('own.gguf'),
      '--budget',
      '5bpw',
      '--calibration',
      text,
    ];
    expect((await runCli([...args, '--force'])).stderr).toMatch(/own\.imatrix\.gguf onto itself/);
  });

  it('a folder that does not exist is noticed before a search', async () => {
    const args = ['--budget', '5bpw', '--calibration', fileURLToPath(import.meta.url)];
    const { stderr } = await runCli(['quantize', TINY, join(at('nowhere'), 'a.gguf'), ...args]);
    expect(stderr).toMatch(/Cannot write .*nowhere.*a\.gguf: there is no such file or folder/);
  });

  it('several files replace neither their input nor others', async () => {
    await json(TINY, at('parts.gguf'), '--type', 'f16', '--split-size', '300kB');
    const parts = readdirSync(folder).filter((name) => name.startsWith('parts-'));
    expect(parts.length).toBeGreaterThan(1);
    const before = parts.map((name) => readFileSync(at(name)));
    const keep = ['quantize', at(parts[0]), at('parts.gguf'), '--type', 'q8_0', '--keep-split'];
    for (const force of [[], ['--force']])
      expect((await runCli([...keep, ...force])).stderr).toMatch(/parts-00001-of-\d+\.gguf onto itself/);
    const again = ['quantize', TINY, at('parts.gguf'), '--type', 'f16', '--split-size', '300kB'];
    expect((await runCli(again)).stderr).toMatch(/parts-00001-of-\d+\.gguf: it already exists/);
    expect(parts.map((name) => readFileSync(at(name)))).toEqual(before);
    expect((await runCli([...again, '--force'])).code).toBe(0);
  });
});
