import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../src/format/memory-source.ts';
import { decodedHashes, type RecordedFiles } from './llama-cpp-files.ts';

const golden = new URL('../golden/quantize/', import.meta.url);
const { files }: RecordedFiles = JSON.parse(readFileSync(new URL('files.json', golden), 'utf8'));
const all = gunzipSync(readFileSync(new URL('files.bin.gz', golden)));

describe("a file of llama.cpp's quantiser", () => {
  const written = Object.entries(files).filter(([, { refused }]) => refused === undefined);
  let at = 0;
  const pieces = written.map(([name, { bytes, tensors }]) => {
    at += bytes;
    return { name, bytes: all.subarray(at - bytes, at), tensors };
  });

  it.each(pieces)(
    "$name: every tensor decodes to the values of ggml's to_float, bit for bit",
    async ({ name, bytes, tensors }) => {
      expect(await decodedHashes(memorySource(bytes, name))).toEqual(tensors);
    },
  );

  it('of every file type but NVFP4, which it does not write', () => {
    expect(at).toBe(all.length);
    expect(Object.keys(files).filter((name) => files[name].refused)).toEqual(['nvfp4']);
    expect(written.length).toBeGreaterThan(30);
  });
});
