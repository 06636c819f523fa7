import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { TINY_HF_FOLDER } from '../fixtures/golden-dots1.ts';
import { runCli, runJson } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-perplexity-'));
afterAll(() => rmSync(folder, { recursive: true }));

const GOLDEN = fileURLToPath(new URL('../golden/perplexity/', import.meta.url));
const TEXTS = join(GOLDEN, 'texts.jsonl');
const { texts } = JSON.parse(readFileSync(join(GOLDEN, 'perplexity.json'), 'utf8')) as {
  texts: { tokens: number; bytes: number; nats: Record<string, number> }[];
};

interface Figures {
  tokens: number;
  bytes: number;
  perplexity: number;
  bitsPerByte: number;
  documents: number;
  languages?: Record<string, Figures>;
}

function expected(indices: readonly number[], ctx: string) {
  const sum = (of: (text: (typeof texts)[number]) => number) =>
    indices.reduce((total, i) => total + of(texts[i]), 0);
  const [tokens, bytes, nats] = [sum((t) => t.tokens), sum((t) => t.bytes), sum((t) => t.nats[ctx])];
  return { tokens, bytes, perplexity: Math.exp(nats / tokens), bitsPerByte: nats / Math.LN2 / bytes };
}

function expectFigures(found: Figures, { tokens, bytes, ...reals }: ReturnType<typeof expected>): void {
  expect(found).toMatchObject({ tokens, bytes });
  for (const name of ['perplexity', 'bitsPerByte'] as const)
    expect(Math.abs(found[name] / reals[name] - 1)).toBeLessThan(2e-5);
}

describe('dots perplexity', () => {
  it('scores each document by itself, with figures for each language', async () => {
    const result = await runJson<Figures>([
      ...['perplexity', TINY_HF_FOLDER, '--file', TEXTS, '--ctx', '64'],
    ]);
    expect(result.documents).toBe(3);
    expectFigures(result, expected([0, 1, 2], '64'));
    expect(Object.keys(result.languages ?? {})).toEqual(['en', 'zh']);
    expectFigures(result.languages?.en as Figures, expected([0, 2], '64'));
    expectFigures(result.languages?.zh as Figures, expected([1], '64'));
  });

  it('a .jsonl.gz gives what the .jsonl gives, and a plain text is one document', async () => {
    const packed = join(folder, 'texts.jsonl.gz');
    writeFileSync(packed, gzipSync(readFileSync(TEXTS)));
    const plain = join(folder, 'plain.txt');
    writeFileSync(plain, JSON.parse(readFileSync(TEXTS, 'utf8').split('\n')[1]).text);
    const both = await runJson<Figures>([
      ...['perplexity', TINY_HF_FOLDER, '--ctx', '16', '--file', packed, plain],
    ]);
    expectFigures(both, expected([0, 1, 2, 1], '16'));
    const one = await runJson<Figures>(['perplexity', TINY_HF_FOLDER, '--ctx', '16', '--file', plain]);
    expectFigures(one, expected([1], '16'));
    expect(one).not.toHaveProperty('languages');
  });

  it('a byte order mark does not count as text', async () => {
    const [plain, marked] = ['plain-mark.txt', 'marked.txt'].map((name) => join(folder, name));
    writeFileSync(plain, 'one two three');
    writeFileSync(marked, '\ufeffone two three');
    const [expected, found] = await Promise.all(
      [plain, marked].map((file) => runJson<Figures>(['perplexity', TINY_HF_FOLDER, '--file', file])),
    );
    expect(found).toEqual(expected);
    const scored = await runJson<{ tokens: number[] }>(['tokenize', TINY_HF_FOLDER, '--file', marked]);
    const typed = await runJson<{ tokens: number[] }>([
      ...['tokenize', TINY_HF_FOLDER, '--text', 'one two three'],
    ]);
    expect(scored.tokens).toEqual(typed.tokens);
  });

  it.each([
    ['Latin-1', Buffer.from('caf\xe9 au lait', 'latin1'), 'not UTF-8 text at byte 3'],
    ['UTF-16', Buffer.from('\ufeffcafé', 'utf16le'), 'not UTF-8 text at byte 0'],
    ['text cut within a character', Buffer.from('café').subarray(0, 4), 'not UTF-8 text at byte 3'],
  ])(
    '%s is refused with the place, from a file and from stdin, by every command that reads text',
    async (name, bytes, message) => {
      const file = join(folder, `${name}.txt`);
      writeFileSync(file, bytes);
      for (const argv of [
        ['perplexity', TINY_HF_FOLDER, '--file', file],
        ['tokenize', TINY_HF_FOLDER, '--file', file],
        ['run', TINY_HF_FOLDER, '--prompt-file', file],
        ['tokenizer', 'train', file, '--vocab-size', '300', '--out', join(folder, 'out.json')],
      ]) {
        const { code, stdout, stderr } = await runCli(argv);
        expect([argv[0], code, stdout, stderr]).toEqual([argv[0], 1, '', expect.stringContaining(message)]);
      }
      const piped = await runCli(['run', TINY_HF_FOLDER], { stdin: Readable.from([bytes]) });
      expect([piped.code, piped.stderr]).toEqual([1, expect.stringContaining(message)]);
    },
  );

  it('prints a table without --json', async () => {
    const { stdout, code } = await runCli(['perplexity', TINY_HF_FOLDER, '--file', TEXTS]);
    expect(code).toBe(0);
    const [name, ...cells] = (stdout.trim().split('\n').at(-1) as string).split(/ +/);
    expect(name).toBe('all');
    const [tokens, bytes, perplexity, bitsPerByte] = cells.map(Number);
    expect(cells[2]).toMatch(/^\d+\.\d{4}$/);
    expectFigures({ tokens, bytes, perplexity, bitsPerByte, documents: 3 }, expected([0, 1, 2], '512'));
  });

  it.each([
    ['no such file', 'missing.txt', undefined, 'there is no such file'],
    ['a line that is not JSON', 'bad.jsonl', '{"text": "a b c"}\nnot json\n', 'line 2 of'],
    ['a line without the field', 'field.jsonl', '{"content": "a b c"}\n', 'it has no field "text"'],
    ['a conversation', 'chat.jsonl', '{"messages": []}\n', 'it has no field "text", it is a conversation'],
    ['no two tokens', 'short.txt', 'a', 'no document has two tokens'],
  ])('%s is an error that says so', async (_, name, content, message) => {
    const file = join(folder, name);
    if (content !== undefined) writeFileSync(file, content);
    const { code, stderr, stdout } = await runCli(['perplexity', TINY_HF_FOLDER, '--file', file]);
    expect(code).not.toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr).toContain('hint:');
  });

  it('ends with 130 when interrupted', async () => {
    const { code } = await runCli(['perplexity', TINY_HF_FOLDER, '--file', TEXTS, '--ctx', '16'], {
      interruptAfterMs: 0,
    });
    expect(code).toBe(130);
  });
});

describe('dots perplexity --save-logits and --kl-base', () => {
  const at = (name: string): string => join(folder, name);
  const run = (model: string, ...flags: string[]) =>
    runCli(['perplexity', model, '--file', at('kl.txt'), '--ctx', '16', ...flags]);

  it('a model compared with its own predictions has no divergence, another one that of dots compare', async () => {
    writeFileSync(
      at('kl.txt'),
      'The quick brown fox jumps over the lazy dog, and it was the best of times for all.',
    );
    await runCli([
      'quantize',
      'mini',
      at('q4_1.gguf'),
      '--type',
      'q4_1',
      '--requantize',
      '--backend',
      'reference',
    ]);
    expect((await run('mini', '--save-logits', at('mini.logits'))).code).toBe(0);
    const same = JSON.parse((await run('mini', '--kl-base', at('mini.logits'), '--json')).stdout);
    expect(same.kl.sameTopP).toBe(1);
    expect(same.kl.max).toBeLessThan(1e-6);
    const other = JSON.parse((await run(at('q4_1.gguf'), '--kl-base', at('mini.logits'), '--json')).stdout);
    const compared = await runCli([
      ...['compare', 'mini', at('q4_1.gguf'), '--file', at('kl.txt'), '--ctx', '16', '--json'],
      ...['--backend', 'reference'],
    ]);
    const [, { kl }] = JSON.parse(compared.stdout).models;
    expect(kl.value).toBeGreaterThan(1e-4);
    for (const name of ['mean', 'p99', 'max']) {
      const expected = name === 'mean' ? kl.value : kl[name];
      expect(Math.abs(other.kl[name] / expected - 1)).toBeLessThan(1e-3);
    }
  });

  it.each([
    ['another text', ['--file', 'other.txt'], /it has the predictions for another text/],
    ['other windows', ['--ctx', '32'], /windows of 16 tokens, not 32/],
    ['a cut file', ['--kl-base', 'cut.logits'], /it has [\d,]+ bytes, expected/],
    ['a file of another kind', ['--kl-base', 'kl.txt'], /does not hold the predictions/],
    ['both at once', ['--save-logits', 'x.logits'], /together/],
    ['a file that is there', ['--no-base', '--save-logits', 'mini.logits'], /already exists/],
  ])('%s is refused', async (_, flags, message) => {
    writeFileSync(at('other.txt'), 'Another text of several tokens.');
    writeFileSync(at('cut.logits'), readFileSync(at('mini.logits')).subarray(0, 5000));
    const given = flags
      .filter((flag) => flag !== '--no-base')
      .map((flag) => (/\.\w+$/.test(flag) ? at(flag) : flag));
    const base =
      flags.includes('--kl-base') || flags.includes('--no-base') ? [] : ['--kl-base', at('mini.logits')];
    const file = flags.includes('--file') ? [] : ['--file', at('kl.txt')];
    const ctx = flags.includes('--ctx') ? [] : ['--ctx', '16'];
    const { code, stderr } = await runCli(['perplexity', 'mini', ...file, ...ctx, ...base, ...given]);
    expect(stderr).toMatch(message);
    expect(code).toBeGreaterThan(0);
  });
});
