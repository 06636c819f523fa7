import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type StorageType, storageTypeByName } from '../../src/dtype/index.ts';
import { decodeAll, encodeAll } from './blocks.ts';
import { randomBlocks, randomFloatBits, randomValues, spreadSpecialHalves } from './random-blocks.ts';

// Recorded from the PyPI package `gguf` by test/golden/dtype/make.py.
interface Recorded {
  readonly sha256: string;
  readonly first: string;
}

interface RecordedBlocks extends Recorded {
  readonly halves: readonly number[];
  readonly blockBytes: number;
}

const golden = new URL('../golden/dtype/', import.meta.url);
const decoded: Record<string, RecordedBlocks> = JSON.parse(
  gunzipSync(readFileSync(new URL('decoded.json.gz', golden))).toString(),
).types;
const encoded: {
  readonly types: Record<string, Recorded>;
  readonly rounded: Record<'any' | 'near', Record<'f16' | 'bf16', string>>;
} = JSON.parse(readFileSync(new URL('encoded.json', golden), 'utf8'));

function sha256(array: Uint8Array | Float32Array): string {
  return createHash('sha256').update(array).digest('hex');
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'base64'));
}

// Values of the recorded blocks. The eight-bit floats have one block for each of their 256 codes.
function decodeRecorded(type: StorageType, { halves, blockBytes }: RecordedBlocks): Float32Array {
  if (type.isFloat) {
    const everyCode = Uint8Array.from({ length: 256 }, (_, code) => code);
    return decodeAll(type, everyCode).map((value) => (Number.isNaN(value) ? 0 : value));
  }
  const blocks = randomBlocks(type.id, blockBytes, halves, 1024);
  if (type.name === 'iq1_m') spreadSpecialHalves(blocks, blockBytes);
  return decodeAll(type, blocks);
}

describe.each(Object.entries(decoded))('%s', (name, record) => {
  const type = storageTypeByName(name);

  test('blocks are as large as in gguf', () => {
    expect(type.blockBytes).toBe(record.blockBytes);
  });

  test('decode() gives the values of gguf for random blocks, bit for bit', () => {
    const values = decodeRecorded(type, record);
    const first = new Float32Array(fromBase64(record.first).buffer);
    // Object.is, so that minus zero counts.
    const wrong = first.findIndex((value, i) => !Object.is(value, values[i]));
    expect(wrong, `element ${wrong} should be ${first[wrong]}, is ${values[wrong]}`).toBe(-1);
    expect(sha256(values)).toBe(record.sha256);
  });
});

test.each(Object.entries(encoded.types))(
  '%s: encodeRow() gives the bytes of gguf',
  (name, { first, sha256: all }) => {
    const bytes = encodeAll(storageTypeByName(name), randomValues());
    const expected = fromBase64(first);
    expect(bytes.subarray(0, expected.length)).toEqual(expected);
    expect(sha256(bytes)).toBe(all);
  },
);

test.each(['f16', 'bf16'] as const)('%s: encodeRow() rounds every kind of number as numpy does', (name) => {
  const any = randomFloatBits();
  const near = any.map((bits) => (bits & 0x8fff_ffff) | 0x3000_0000);
  const type = storageTypeByName(name);
  expect(sha256(encodeAll(type, new Float32Array(any.buffer)))).toBe(encoded.rounded.any[name]);
  expect(sha256(encodeAll(type, new Float32Array(near.buffer)))).toBe(encoded.rounded.near[name]);
});
