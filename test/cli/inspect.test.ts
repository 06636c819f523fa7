import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { goldenTinyHf, TINY_HF_FOLDER, TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';
import { runCli, runJson } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-inspect-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('dots info', () => {
  it('counts parameters, bytes and bits, the same for a file and a folder', async () => {
    interface Info {
      parameters: { total: number; active: number };
      fileBytes: number;
      bitsPerWeight: number;
      tensorTypes: Record<string, number>;
      config: { numLayers: number; contextLength: number };
      tensors: { name: string; type: string; shape: number[]; offset: number; bytes: number }[];
    }
    const gguf = await runJson<Info>(['info', TINY_LLAMACPP_GGUF, '--tensors']);
    const hf = await runJson<Info>(['info', TINY_HF_FOLDER, '--tensors']);
    expect(gguf).toMatchObject({
      architecture: 'dots1',
      name: 'Tiny Hf',
      format: 'gguf',
      chatTemplate: 'file',
    });
    expect(gguf.config).toEqual(hf.config);
    for (const { parameters, tensors, tensorTypes, bitsPerWeight } of [gguf, hf]) {
      const counted = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
      expect(parameters.total).toBe(counted);
      expect(parameters.active).toBeLessThan(counted);
      const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
      expect(Object.values(tensorTypes).reduce((a, b) => a + b, 0)).toBe(bytes);
      expect(bitsPerWeight).toBeCloseTo((8 * bytes) / counted, 10);
    }
    expect(gguf.fileBytes).toBe(readFileSync(TINY_LLAMACPP_GGUF).length);
    expect(gguf.tensors).toHaveLength(46);
    expect(gguf.tensors.find(({ name }) => name === 'blk.1.ffn_up_exps.weight')).toMatchObject({
      type: 'f32',
      shape: [8, 32, 64],
    });
  });

  it('without --tensors lists none', async () => {
    expect(await runJson(['info', TINY_HF_FOLDER])).not.toHaveProperty('tensors');
    const { stdout } = await runCli(['info', TINY_HF_FOLDER]);
    expect(stdout).toMatch(/parameters +249K total, 188K active per token/);
    expect(stdout).toMatch(/experts +3 of 8 and 2 shared, width 32; first 1 dense/);
    expect(stdout).not.toContain('q_proj');
    expect((await runCli(['info', TINY_HF_FOLDER, '--tensors'])).stdout).toMatch(
      /q_proj\.weight +bf16 +64 × 64 +8\.19 kB/,
    );
  });
});

describe('dots tokenize and detokenize', () => {
  const { prompt, tokens } = goldenTinyHf().greedy[1];

  it('are inverse, from --text, --file and a pipe', async () => {
    const file = join(folder, 'text');
    writeFileSync(file, prompt);
    for (const result of [
      runJson<{ tokens: number[]; pieces: string[] }>(['tokenize', TINY_HF_FOLDER, '--text', prompt]),
      runJson<{ tokens: number[]; pieces: string[] }>(['tokenize', TINY_HF_FOLDER, '--file', file]),
      runJson<{ tokens: number[]; pieces: string[] }>(['tokenize', TINY_HF_FOLDER], { stdin: prompt }),
    ]) {
      expect((await result).tokens).toEqual(tokens);
      expect((await result).pieces).toHaveLength(tokens.length);
    }
    expect(await runJson(['detokenize', TINY_HF_FOLDER, '--tokens', tokens.join()])).toEqual({
      text: prompt,
    });
    expect((await runCli(['detokenize', TINY_HF_FOLDER, '--tokens', tokens.join(' ')])).stdout).toBe(
      `${prompt}\n`,
    );
  });

  it('read control tokens as text without --control', async () => {
    const argv = ['tokenize', TINY_HF_FOLDER, '--text', 'a<|response|>'];
    expect((await runCli([...argv, '--control'])).stdout).toBe('64\t"a"\n436\t<|response|>\n');
    expect((await runCli(argv)).stdout).not.toContain('436');
  });

  it('show characters, and bytes only where a token is not whole characters; --json has the spelling of the file', async () => {
    const text = '世\n 𝄞"\\\u3000';
    const argv = ['tokenize', TINY_HF_FOLDER, '--text', text];
    const { tokens: ids, pieces } = await runJson<{ tokens: number[]; pieces: string[] }>(argv);
    const lines = (await runCli(argv)).stdout.trimEnd().split('\n');
    expect(lines.map((line) => Number(line.split('\t')[0]))).toEqual(ids);
    const shown = lines.map((line) => line.slice(line.indexOf('\t') + 1));
    for (const piece of shown)
      expect(piece).toMatch(/^"(?:[^\p{Cc}"\\]|\\["\\nrt]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4})+"$/u);
    // Read back, they are the bytes of the text.
    const bytes = shown.flatMap((piece) =>
      [...piece.slice(1, -1).matchAll(/\\x(..)|\\u(....)|\\(.)|([^\\])/gu)].flatMap(
        ([, byte, code, short, plain]) =>
          byte !== undefined
            ? [Number.parseInt(byte, 16)]
            : [
                ...Buffer.from(
                  code !== undefined
                    ? String.fromCharCode(Number.parseInt(code, 16))
                    : short !== undefined
                      ? JSON.parse(`"\\${short}"`)
                      : plain,
                ),
              ],
      ),
    );
    expect(Buffer.from(bytes).toString()).toBe(text);
    expect(shown).toContain('"\\n"');
    expect(pieces).toContain('Ċ');
    // The four bytes of 𝄞 are four tokens here.
    expect(shown).toEqual(expect.arrayContaining(['"\\xf0"', '"\\x9d"', '"\\x84"', '"\\x9e"']));
    expect((await runCli(['tokenize', 'mini', '--text', '世界'])).stdout).toBe('2383\t"世界"\n');
  });
});

describe('dots logits', () => {
  const { tokens, logits_TV, vocabSize, argmax } = goldenTinyHf();
  const ids = tokens.slice(0, 5).join();

  it('agrees with transformers, for the last position or all of them', async () => {
    interface Logits {
      vocab: number;
      positions: number;
      top: { id: number; logit: number }[][];
    }
    const all = await runJson<Logits>(['logits', TINY_HF_FOLDER, '--tokens', ids, '--all']);
    expect(all).toMatchObject({ vocab: vocabSize, positions: 5 });
    expect(all.top.map((row) => row[0].id)).toEqual(argmax.slice(0, 5));
    for (const [position, row] of all.top.entries()) {
      expect(row).toHaveLength(20);
      for (const { id, logit } of row)
        expect(Math.abs(logit - logits_TV[position * vocabSize + id])).toBeLessThan(2e-4);
    }
    const last = await runJson<Logits>(['logits', TINY_HF_FOLDER, '--tokens', ids]);
    expect(last.top).toEqual(all.top.slice(-1));
  });

  it('writes rows of little-endian f32, or no file at all', async () => {
    const out = join(folder, 'logits.f32');
    const result = await runCli(['logits', TINY_HF_FOLDER, '--tokens', ids, '--all', '--out', out]);
    expect(result.code).toBe(0);
    const view = new DataView(new Uint8Array(readFileSync(out)).buffer);
    expect(view.byteLength).toBe(5 * vocabSize * 4);
    for (let i = 0; i < 5 * vocabSize; i += 37)
      expect(Math.abs(view.getFloat32(4 * i, true) - logits_TV[i])).toBeLessThan(2e-4);

    const bad = await runCli([
      'logits',
      TINY_HF_FOLDER,
      '--tokens',
      '1,448',
      '--out',
      join(folder, 'bad.f32'),
    ]);
    expect(bad.code).toBe(2);
    expect(existsSync(join(folder, 'bad.f32'))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
  });
});

describe('dots bench', () => {
  interface Bench {
    rows: {
      test: string;
      tokensPerSecond: { median: number; min: number; max: number };
      limitPercent: number | null;
    }[];
    threads: number;
    model: string;
  }
  const base = ['bench', TINY_HF_FOLDER, '--backend', 'reference'];

  it('has a row for each combination, in order', async () => {
    const { rows, model, threads } = await runJson<Bench>([
      ...base,
      '-p',
      '8,16',
      '-n',
      '4',
      '-d',
      '0,32',
      '-r',
      '2',
      '--parallel',
      '1,2',
    ]);
    expect(rows.map(({ test }) => test)).toEqual([
      ...['pp8', 'pp16', 'tg4', 'tg4 x 2'],
      ...['pp8 @ d32', 'pp16 @ d32', 'tg4 @ d32', 'tg4 x 2 @ d32'],
    ]);
    expect({ model, threads }).toEqual({ model: 'tiny-hf', threads: 1 });
    for (const { tokensPerSecond, limitPercent } of rows) {
      const { median, min, max } = tokensPerSecond;
      expect(min).toBeGreaterThan(0);
      expect(median).toBeGreaterThanOrEqual(min);
      expect(max).toBeGreaterThanOrEqual(median);
      expect(Number.isFinite(max)).toBe(true);
      expect(limitPercent === null || limitPercent > 0).toBe(true);
    }
  });

  it('leaves out what is given as 0, and refuses what the context has no room for', async () => {
    const { rows } = await runJson<Bench>([...base, '-p', '0', '-n', '2', '-r', '1']);
    expect(rows.map(({ test }) => test)).toEqual(['tg2']);
    const result = await runCli([...base, '-p', '600']);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain('512');
  });

  it('prints a table for people', async () => {
    const { stdout } = await runCli([...base, '-p', '4', '-n', '2', '-r', '1']);
    expect(stdout).toMatch(/^tiny-hf, .*\ntest +tokens\/s +min +max +of limit\npp4 .*\ntg2 .*\n$/);
  });
});

describe('dots tokenizer train', () => {
  it('writes a tokenizer and says how good it is', async () => {
    const text = join(folder, 'corpus.txt');
    const out = join(folder, 'tokenizer.json');
    writeFileSync(text, 'the lamp and the bell and the book\n'.repeat(50));
    const result = await runJson<{ vocab: number; merges: number; bytesPerToken: number }>([
      'tokenizer',
      'train',
      text,
      '--vocab-size',
      '290',
      '--out',
      out,
      '--special-token',
      '<|a|>',
      '<|b|>',
    ]);
    expect(result.vocab).toBeLessThanOrEqual(290);
    expect(result.bytesPerToken).toBeGreaterThan(1);
    const json = JSON.parse(readFileSync(out, 'utf8'));
    expect(json.added_tokens.map((token: { content: string }) => token.content)).toEqual(['<|a|>', '<|b|>']);
    expect(json.normalizer).toEqual({ type: 'NFC' });
  });

  it('needs files, a size and an output', async () => {
    for (const argv of [[], ['x.txt'], ['x.txt', '--vocab-size', '300']])
      expect((await runCli(['tokenizer', 'train', ...argv])).code).toBe(2);
    expect(
      (
        await runCli([
          'tokenizer',
          'train',
          join(folder, 'no'),
          '--vocab-size',
          '300',
          '--out',
          join(folder, 'x'),
        ])
      ).stderr,
    ).toMatch(/^error: .*\nhint: /);
  });
});
