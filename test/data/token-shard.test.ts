import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { FormatError, UsageError } from '../../src/core/errors.ts';
import { readJsonLines } from '../../src/data/json-lines.ts';
import { endTokenOf, tokenizeCorpus } from '../../src/data/tokenize-corpus.ts';
import { memorySource } from '../../src/format/memory-source.ts';
import { openTokenShard, TokenShardWriter } from '../../src/format/token-shard.ts';
import { jsonLines, TEXTS, temporaryFolder, tinyTokenizer } from './helpers.ts';

const folder = temporaryFolder();
const tokenizer = await tinyTokenizer();

async function shardOf(file: string, options = {}) {
  const out = join(folder.path, 'out.tok');
  const result = await tokenizeCorpus({ files: [file], tokenizer, out, language: 'en', ...options });
  const bytes = new Uint8Array(readFileSync(out));
  return { result, bytes, shard: await openTokenShard(memorySource(bytes, 'out.tok')) };
}

describe('tokenizeCorpus()', () => {
  const plain = folder.write(
    'corpus.jsonl',
    `${jsonLines(TEXTS.map((text, i) => ({ text, source: `book ${i % 2}` })))}\n`,
  );

  it('keeps every document, closed by the end token, and counts its bytes', async () => {
    const { result, shard } = await shardOf(plain);
    const documents = await Promise.all(TEXTS.map((_, i) => shard.readDocument(i)));
    expect(documents.map((ids) => tokenizer.decode(ids.subarray(0, -1)))).toEqual(TEXTS);
    expect(new Set(documents.map((ids) => ids.at(-1)))).toEqual(new Set([endTokenOf(tokenizer)]));
    expect(shard.numBytes).toBe(Buffer.byteLength(TEXTS.join('')));
    expect(result).toMatchObject({ documents: 5, tokens: shard.numTokens, bytes: shard.numBytes });
    expect(shard.language).toBe('en');
  });

  it('has a fingerprint of its documents, also where it is long', async () => {
    const { bytes, shard } = await shardOf(plain);
    const swapped = bytes.slice();
    [swapped[bytes.length - 4], swapped[bytes.length - 6]] = [
      bytes[bytes.length - 6],
      bytes[bytes.length - 4],
    ];
    const prints = [shard, await openTokenShard(memorySource(bytes.slice(), 'copy'))].map((one) =>
      one.fingerprint(),
    );
    const [first, second] = await Promise.all(prints);
    expect(second).toBe(first);
    expect(await (await openTokenShard(memorySource(swapped, 'swapped'))).fingerprint()).not.toBe(first);

    // 64 samples of 4 kB are a quarter of it; another text differs in all of them.
    const writer = (shift: number) => {
      const made = new TokenShardWriter({ vocabSize: 340, endToken: 0 }, new Uint16Array(340));
      for (let i = 0; i < 500; i++)
        made.add(
          Uint16Array.from({ length: 1000 }, (_, at) => (at * 7 + i + shift) % 300),
          1000,
        );
      return made;
    };
    const long = await Promise.all(
      [0, 0, 1].map(async (shift) => {
        const parts: Uint8Array[] = [];
        const write = async (part: Uint8Array) => void parts.push(part.slice());
        const sink = { name: 'long', write, finish: async () => {}, discard: async () => {} };
        await writer(shift).finish(sink);
        return (
          await openTokenShard(memorySource(new Uint8Array(Buffer.concat(parts)), 'long'))
        ).fingerprint();
      }),
    );
    expect(long[1]).toBe(long[0]);
    expect(long[2]).not.toBe(long[0]);
  });

  it('knows how many bytes each token stands for', async () => {
    const { shard } = await shardOf(plain);
    for (const [i, text] of TEXTS.entries()) {
      const ids = await shard.readDocument(i);
      expect(ids.reduce((sum, id) => sum + shard.tokenBytes_V[id], 0)).toBe(Buffer.byteLength(text));
    }
  });

  it('reads gzip as it reads plain text, and keeps documents by source', async () => {
    const zipped = folder.write('corpus.jsonl.gz', gzipSync(readFileSync(plain)));
    expect((await shardOf(zipped)).shard.numTokens).toBe((await shardOf(plain)).shard.numTokens);
    expect((await shardOf(plain, { source: /book 1/ })).result.documents).toBe(2);
    expect((await shardOf(plain, { maxTokens: 3 })).result.documents).toBe(1);
  });

  it.each([
    ['{"text": "a"}\n{"text": ', 'line 2', 'it is not JSON'],
    ['\n{"text": "a"}\n{"body": "b"}\n', 'line 3', 'it has no field "text"'],
    ['{"text": 7}\n', 'line 1', 'its "text" is not text'],
    ['[1]\n', 'line 1', 'it is not a JSON object'],
    ['\n\n', 'no documents', 'empty'],
    ['', 'no documents', 'empty'],
  ])('names the line of %j', async (text, where, found) => {
    const file = folder.write('bad.jsonl', text);
    const error = await shardOf(file).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FormatError);
    const { message, hint } = error as FormatError;
    expect(`${message} ${hint}`).toContain(where);
    expect(`${message} ${hint}`).toContain(found);
  });

  it('refuses bytes that are not UTF-8, a cut archive and a missing file', async () => {
    const read = async (file: string) => {
      for await (const _ of readJsonLines(file));
    };
    await expect(read(folder.write('latin.jsonl', Uint8Array.of(123, 255, 125, 10)))).rejects.toThrow(
      'UTF-8',
    );
    const cut = gzipSync(readFileSync(plain)).subarray(0, -9);
    await expect(read(folder.write('cut.jsonl.gz', cut))).rejects.toThrow(FormatError);
    await expect(read(join(folder.path, 'nothing.jsonl'))).rejects.toThrow(UsageError);
  });
});

describe('openTokenShard()', () => {
  it('refuses a shard cut or changed at any byte of its tables, or reads it', async () => {
    const { bytes } = await shardOf(folder.write('few.jsonl', jsonLines([{ text: 'hen' }, { text: 'cat' }])));
    for (let size = 0; size < bytes.length; size += 7) {
      await expect(openTokenShard(memorySource(bytes.subarray(0, size), 'cut'))).rejects.toThrow(FormatError);
    }
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] ^= 0xff;
      try {
        const shard = await openTokenShard(memorySource(changed, 'changed'));
        for (let i = 0; i < shard.numDocuments; i++) await shard.readDocument(i);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }
  });

  it('stores ids of large vocabularies in four bytes', async () => {
    const writer = new TokenShardWriter({ vocabSize: 70_000, endToken: 69_999 }, new Uint16Array(70_000));
    writer.add([65_999, 3], 5);
    const chunks: Uint8Array[] = [];
    await writer.finish({
      name: 'large',
      write: async (chunk) => void chunks.push(chunk.slice()),
      finish: async () => {},
      discard: async () => {},
    });
    const bytes = Buffer.concat(chunks);
    expect(bytes.length).toBe(writer.sizeBytes);
    const shard = await openTokenShard(memorySource(bytes, 'large'));
    expect([...(await shard.readDocument(0))]).toEqual([65_999, 3, 69_999]);
  });

  it('refuses a shard without documents', async () => {
    const writer = new TokenShardWriter({ vocabSize: 4, endToken: 3 }, new Uint16Array(4));
    const chunks: Uint8Array[] = [];
    await writer.finish({
      name: 'empty',
      write: async (chunk) => void chunks.push(chunk.slice()),
      finish: async () => {},
      discard: async () => {},
    });
    await expect(openTokenShard(memorySource(Buffer.concat(chunks), 'empty'))).rejects.toThrow(
      'holds no documents',
    );
  });
});
