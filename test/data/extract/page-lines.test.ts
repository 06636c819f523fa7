import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readPageLines } from '../../../src/data/extract/page-lines.ts';

async function read(
  chunks: readonly (string | Uint8Array)[],
  maxLineBytes = 100,
): Promise<(string | undefined)[]> {
  async function* stdin(): AsyncGenerator<string | Uint8Array> {
    yield* chunks;
  }
  const found: (string | undefined)[] = [];
  for await (const { line, bytes } of readPageLines('-', { stdin: stdin(), maxLineBytes })) {
    found.push(bytes && `${line}:${Buffer.from(bytes)}`);
  }
  return found;
}

describe('readPageLines()', () => {
  it('finds lines wherever chunks are cut, and the last one without a line end', async () => {
    const text = 'one\n\n  \ntwo 二\r\nthree';
    const whole = await read([text]);
    expect(whole).toEqual(['1:one', '4:two 二\r', '5:three']);
    const bytes = Buffer.from(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(await read([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(whole);
    }
  });

  it('passes over lines that are too long, and reads what follows them', async () => {
    expect(await read(['a\n', 'x'.repeat(60), 'x'.repeat(60), '\nb\n'])).toEqual(['1:a', undefined, '3:b']);
    expect(await read([`${'x'.repeat(101)}\nb`])).toEqual([undefined, '2:b']);
  });

  it('decompresses stdin', async () => {
    expect(await read([gzipSync('one\ntwo\n')])).toEqual(['1:one', '2:two']);
  });
});
