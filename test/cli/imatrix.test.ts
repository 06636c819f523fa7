import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { openImportance } from '../../src/quantize/importance-files.ts';
import { runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-imatrix-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const TINY = fileURLToPath(new URL('../fixtures/tiny-llamacpp.gguf', import.meta.url));

writeFileSync(at('a.txt'), 'the quick brown fox jumps over the lazy dog, '.repeat(8));
writeFileSync(
  at('b.jsonl'),
  `${JSON.stringify({ text: 'one line' })}\n${JSON.stringify({ text: 'another, longer line of text' })}\n`,
);

describe('dots imatrix', () => {
  it('two matrices merged are the matrix of both texts', async () => {
    const texts = [at('a.txt'), at('b.jsonl')];
    const all = await runCli([
      'imatrix',
      'mini',
      at('all.gguf'),
      '--file',
      ...texts,
      '--ctx',
      '16',
      '--json',
    ]);
    const parts: string[] = [];
    for (const [i, text] of texts.entries()) {
      parts.push(at(`${i}.gguf`));
      await runCli(['imatrix', 'mini', parts[i], '--file', text, '--ctx', '16']);
    }
    const merged = await runCli(['imatrix', 'mini', at('merged.gguf'), '--merge', ...parts, '--json']);
    expect({ ...JSON.parse(merged.stdout), unseen: 0 }).toEqual({ ...JSON.parse(all.stdout), unseen: 0 });
    expect(JSON.parse(all.stdout)).toMatchObject({ chunks: expect.any(Number), tensors: expect.any(Number) });
    const [one, two] = [await openImportance(at('all.gguf')), await openImportance(at('merged.gguf'))];
    expect(two.datasets).toEqual(one.datasets);
    for (const [name, { sums, counts }] of one.entries) {
      expect(two.entries.get(name)?.counts).toEqual(counts);
      for (const [j, sum] of sums.entries()) expect(two.entries.get(name)?.sums[j]).toBeCloseTo(sum, 2);
    }
  });

  it('experts that saw too little are named, also where the format forgets them', async () => {
    const { stderr, stdout } = await runCli([
      'imatrix',
      'mini',
      at('few.dat'),
      '--file',
      at('b.jsonl'),
      '--json',
    ]);
    expect(stderr).toMatch(/experts of \d+ tensors saw fewer than 32 tokens/);
    expect(Object.keys(JSON.parse(stdout).unseen)).toContain('blk.1.ffn_up_exps.weight');
  });

  it('an interrupted run continues, and is not continued with another text', async () => {
    writeFileSync(at('long.txt'), 'Some of the words of a text. '.repeat(2000));
    const args = ['imatrix', 'mini', at('cut.gguf'), '--ctx', '64', '--file'];
    const whole = await runCli([
      'imatrix',
      'mini',
      at('uncut.gguf'),
      '--ctx',
      '64',
      '--file',
      at('long.txt'),
    ]);
    expect(whole.code).toBe(0);
    let part = 0;
    const cut = await runCli([...args, at('long.txt')], {
      isTerminal: true,
      onStderr(text, interrupt) {
        part = Number(/layer (\d)/.exec(text)?.[1] ?? part);
        if (part > 2) interrupt();
      },
    });
    expect(cut.code).toBe(130);
    expect(readdirSync(folder)).toContain('cut.gguf.collecting');
    const other = await runCli([...args, at('a.txt')]);
    expect(other.stderr).toMatch(/the text was [\d,]+ tokens .* and is [\d,]+ tokens .* now/);
    const { code, stderr } = await runCli([...args, at('long.txt')]);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/continuing .*: [1-6] of 7 parts/),
    });
    expect(readFileSync(at('cut.gguf')).equals(readFileSync(at('uncut.gguf')))).toBe(true);
    expect(readdirSync(folder).filter((name) => name.startsWith('cut'))).toEqual(['cut.gguf']);
  });

  it('--dry-run says what it takes, and writes nothing', async () => {
    const before = readdirSync(folder).sort();
    const { stdout } = await runCli([
      'imatrix',
      'mini',
      at('dry.gguf'),
      '--file',
      at('a.txt'),
      '--dry-run',
      '--json',
    ]);
    const { tokens, memoryBytes, diskBytes } = JSON.parse(stdout);
    expect(diskBytes).toBe(2 * tokens * 192 * 4);
    expect(memoryBytes).toBeGreaterThan(1e6);
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  it.each([
    ['no text', ['mini', at('x.gguf')], /without text/],
    ['a text of one token', ['mini', at('x.gguf'), '--file', at('one.txt')], /no document has two tokens/],
    [
      'a matrix of another model',
      [TINY, at('x.gguf'), '--merge', at('all.gguf')],
      /it was made with another model/,
    ],
    ['a model as a matrix', ['mini', at('x.gguf'), '--merge', TINY], /it is a GGUF file of type model/],
    ['an output that is there', ['mini', at('all.gguf'), '--file', at('a.txt')], /already exists/],
  ])('%s is refused, and nothing is written', async (_, args, message) => {
    writeFileSync(at('one.txt'), 'a');
    const before = readdirSync(folder).sort();
    const { code, stderr } = await runCli(['imatrix', ...args]);
    expect(stderr).toMatch(message);
    expect(code).toBeGreaterThan(0);
    expect(readdirSync(folder).sort()).toEqual(before);
  });
});
