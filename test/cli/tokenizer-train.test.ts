import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TrainTokenizerOptions, trainTokenizerCommand } from '../../src/cli/tokenizer-train.ts';
import { FormatError, ResourceError, UsageError } from '../../src/core/errors.ts';

const DOCUMENTS = Array.from(
  { length: 400 },
  (_, i) => `The ${i % 7} birds sing,\n and 你好世界 they don't stop. é😀${'!'.repeat(i % 5)}`,
);

describe('trainTokenizerCommand()', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tokenizer-train-'));
    const lines = DOCUMENTS.map((text) => JSON.stringify({ text, body: 'zzzz zzzz' })).join('\n');
    await writeFile(join(folder, 'corpus.jsonl'), `${lines}\n\n`);
    await writeFile(join(folder, 'no-newline.jsonl.gz'), gzipSync(lines));
    await writeFile(join(folder, 'part.txt'), DOCUMENTS.join('\n'));
    await writeFile(join(folder, 'part.txt.gz'), gzipSync(DOCUMENTS.join('\n')));
    await writeFile(join(folder, 'empty.txt'), '');
    await mkdir(join(folder, 'folder'));
  });
  afterAll(async () => await rm(folder, { recursive: true }));

  async function run(files: readonly string[], options: Partial<TrainTokenizerOptions> = {}) {
    const out = options.out ?? join(folder, 'out.json');
    const result = await trainTokenizerCommand({
      files: files.map((file) => join(folder, file)),
      vocabSize: 310,
      ...options,
      out,
    });
    return { ...result, json: await readFile(out, 'utf8') };
  }

  async function failure(promise: Promise<unknown>): Promise<unknown> {
    return await promise.then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  it('trains alike on JSON lines, gzipped or not, with or without a last newline', async () => {
    const plain = await run(['corpus.jsonl']);
    expect(plain.vocab).toBe(310);
    expect(plain.merges).toBe(310 - 256 - 16);
    expect(plain.bytesPerToken).toBeGreaterThan(2);
    expect((await run(['no-newline.jsonl.gz'])).json).toBe(plain.json);
  });

  it('trains alike on plain text, gzipped or not, and in any order of files', async () => {
    expect((await run(['part.txt.gz'])).json).toBe((await run(['part.txt'])).json);
    const both = await run(['part.txt', 'corpus.jsonl']);
    expect((await run(['corpus.jsonl', 'part.txt'])).json).toBe(both.json);
  });

  it('reads the given field', async () => {
    const { json } = await run(['corpus.jsonl'], { field: 'body' });
    expect(JSON.parse(json).model.merges).toEqual(['z z', 'zz zz', 'Ġ zzzz']);
  });

  it('stops reading a file at the limit: lines after the one that reaches it, plain text right there', async () => {
    await writeFile(join(folder, 'first.jsonl'), JSON.stringify({ text: DOCUMENTS[0] }));
    const first = await run(['first.jsonl'], { minFrequency: 1 });
    expect((await run(['corpus.jsonl'], { minFrequency: 1, maxBytesPerFile: 1 })).json).toBe(first.json);
    await writeFile(join(folder, 'first.txt'), DOCUMENTS.join('\n').slice(0, 20));
    const text = await run(['first.txt'], { minFrequency: 1 });
    expect((await run(['part.txt'], { minFrequency: 1, maxBytesPerFile: 20 })).json).toBe(text.json);
    expect(text.json).not.toBe(first.json);
  });

  it('names file and line of a document that is not JSON, has no such field or no text in it', async () => {
    const bad = [
      ['{"text": "a"}\n\n{"text": ', 'line 3', 'it is not JSON'],
      ['{"text": "a"}\n{"txt": "b"}', 'line 2', 'it has no field "text"'],
      ['{"text": 5}\n', 'line 1', 'its "text" is not text'],
      ['[1]\n', 'line 1', 'it is not a JSON object'],
      [Uint8Array.of(0x22, 0xff, 0x22), 'line 1', 'it is not UTF-8'],
    ];
    for (const [content, line, found] of bad) {
      await writeFile(join(folder, 'bad.jsonl'), content);
      const error = await failure(run(['corpus.jsonl', 'bad.jsonl']));
      expect(error).toBeInstanceOf(FormatError);
      expect(String(error)).toContain(line);
      expect(String(error)).toContain('bad.jsonl');
      expect(String(error)).toContain(found);
    }
  });

  it('refuses damaged and truncated gzip files by name', async () => {
    const bytes = gzipSync('text '.repeat(10_000));
    for (const damaged of [bytes.subarray(0, bytes.length - 12), Buffer.from('no gzip at all')]) {
      await writeFile(join(folder, 'damaged.txt.gz'), damaged);
      const error = await failure(run(['damaged.txt.gz']));
      expect(error).toBeInstanceOf(FormatError);
      expect(String(error)).toContain('damaged.txt.gz');
    }
  });

  it('refuses no files, a folder, a missing file, empty text and a small vocabulary before any work', async () => {
    expect(await failure(run([]))).toBeInstanceOf(UsageError);
    expect(String(await failure(run(['folder'])))).toContain('it is a folder');
    expect(String(await failure(run(['missing.txt'])))).toContain('there is no such file');
    expect(String(await failure(run(['empty.txt'])))).toContain('hold no text');
    expect(String(await failure(run(['part.txt'], { vocabSize: 256 })))).toContain(
      'vocabulary of 256 tokens',
    );
  });

  it('refuses an output path it cannot write before any work', async () => {
    const missing = await failure(run(['part.txt'], { out: join(folder, 'nowhere', 'tokenizer.json') }));
    expect(missing).toBeInstanceOf(ResourceError);
    expect(String(await failure(run(['part.txt'], { out: join(folder, 'folder') })))).toContain(
      'it is a folder',
    );
  });

  it('leaves the old file and nothing else when it is interrupted', async () => {
    const out = join(folder, 'kept.json');
    await writeFile(out, 'old');
    const controller = new AbortController();
    const before = await readdir(folder);
    const error = await failure(
      run(['corpus.jsonl'], { out, signal: controller.signal, onProgress: () => controller.abort() }),
    );
    expect(error).toMatchObject({ name: 'AbortError' });
    expect(await readFile(out, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(before);
  });
});
