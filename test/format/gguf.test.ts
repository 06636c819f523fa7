import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FormatError, UnsupportedError } from '../../src/core/errors.ts';
import type { ByteSource } from '../../src/format/byte-source.ts';
import { openFileSource } from '../../src/format/file-source.ts';
import { readGguf } from '../../src/format/gguf.ts';
import { type GgufValue, getStringArray } from '../../src/format/gguf-values.ts';
import { memorySource } from '../../src/format/memory-source.ts';
import { concat, errorOf, ggufBytes, golden, summarise, tensor, text, u32 } from './helpers.ts';

const expected = JSON.parse(readFileSync(golden('expected.json'), 'utf8'));

const TYPES: Record<string, string> = {
  UINT8: 'u8',
  INT8: 'i8',
  UINT16: 'u16',
  INT16: 'i16',
  UINT32: 'u32',
  INT32: 'i32',
  FLOAT32: 'f32',
  BOOL: 'bool',
  STRING: 'string',
  UINT64: 'u64',
  INT64: 'i64',
  FLOAT64: 'f64',
};

/** A value in the form of expected.json. */
function plain(value: GgufValue): unknown {
  if (value.type === 'u64' || value.type === 'i64') return String(value.value);
  if (value.type !== 'array') return value.value;
  if (value.elementType === 'bool') return [...value.value].map((byte) => byte === 1);
  if (value.elementType === 'u64' || value.elementType === 'i64') return [...value.value].map(String);
  return [...value.value];
}

describe('readGguf', () => {
  it('reads every metadata type as the gguf package wrote it', async () => {
    const source = await openFileSource(golden('values.gguf'));
    const file = await readGguf(source);
    await source.close();
    expect(file.version).toBe(3);
    expect(file.alignment).toBe(64);
    expect(file.metadata.get('general.architecture')).toEqual(text('dots1'));
    for (const [key, [type, elementType, value]] of Object.entries<[string, string | null, unknown]>(
      expected.metadata,
    )) {
      const found = file.metadata.get(key)!;
      expect(found.type, key).toBe(type === 'ARRAY' ? 'array' : TYPES[type]);
      if (found.type === 'array') expect(found.elementType, key).toBe(TYPES[elementType!]);
      expect(plain(found), key).toEqual(type === 'FLOAT32' ? Math.fround(value as number) : value);
    }
  });

  it('finds every tensor and its bytes where the gguf package put them', async () => {
    const source = await openFileSource(golden('values.gguf'));
    const { tensors } = await readGguf(source);
    expect([...tensors.keys()]).toEqual(Object.keys(expected.gguf));
    for (const [name, summary] of Object.entries(expected.gguf)) {
      expect(await summarise(tensors.get(name)!), name).toEqual(summary);
    }
    await source.close();
  });

  it('reads version 2, whose layout is the same', async () => {
    const bytes = new Uint8Array(readFileSync(golden('values.gguf')));
    bytes[4] = 2;
    const file = await readGguf(memorySource(bytes, 'v2.gguf'));
    expect(file.version).toBe(2);
    expect(file.tensors.size).toBe(6);
  });

  it('reads only the header of an 80 GB file', async () => {
    const big = tensor('blk.1.ffn_up_exps.weight', 'f32', 128, 40_000, 4096);
    const tokens: GgufValue = {
      type: 'array',
      elementType: 'string',
      value: Array.from({ length: 60_000 }, (_, i) => `token ${i}`),
    };
    const file = await ggufHeader({ 'tokenizer.ggml.tokens': tokens }, big);
    let bytesRead = 0;
    let largest = 0;
    const huge: ByteSource = {
      name: 'huge.gguf',
      size: file.length + 128 * 40_000 * 4096 * 4,
      async read(offset, length) {
        bytesRead += length;
        largest = Math.max(largest, length);
        const bytes = new Uint8Array(length);
        bytes.set(file.subarray(offset, offset + length));
        return bytes;
      },
      async close() {},
    };
    const { tensors, sizeBytes } = await readGguf(huge);
    expect(sizeBytes).toBeGreaterThan(80e9);
    expect(tensors.get(big.name)!.shape).toEqual([128, 40_000, 4096]);
    expect(tensors.get(big.name)!.sizeBytes).toBe(83_886_080_000);
    expect(bytesRead).toBeLessThan(2 * file.length + 128 * 1024);
    expect(largest).toBeLessThan(file.length);
  });

  it('parses the header of a 152,064-token vocabulary with its merges fast', async () => {
    const piece = (i: number) => `Ġ${'abcdefgh'.slice(i % 5)}${i.toString(36)}${i % 50 === 0 ? '中文' : ''}`;
    const tokens = Array.from({ length: 152_064 }, (_, i) => piece(i));
    const merges = Array.from({ length: 151_387 }, (_, i) => `${piece(i)} ${piece(i * 7)}`);
    const bytes = await ggufBytes(
      {
        'tokenizer.ggml.tokens': { type: 'array', elementType: 'string', value: tokens },
        'tokenizer.ggml.token_type': { type: 'array', elementType: 'i32', value: new Int32Array(152_064) },
        'tokenizer.ggml.merges': { type: 'array', elementType: 'string', value: merges },
      },
      [],
    );
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      const start = process.cpuUsage();
      const { metadata } = await readGguf(memorySource(bytes, 'vocabulary.gguf'));
      const { user, system } = process.cpuUsage(start);
      times.push((user + system) / 1000);
      if (i > 0) continue;
      // Not toEqual, which takes longer than the reading.
      expect(getStringArray(metadata, 'tokenizer.ggml.tokens').every((token, j) => token === tokens[j])).toBe(
        true,
      );
      expect(getStringArray(metadata, 'tokenizer.ggml.merges').every((merge, j) => merge === merges[j])).toBe(
        true,
      );
      expect(getStringArray(metadata, 'tokenizer.ggml.merges')).toHaveLength(151_387);
    }
    // Milliseconds of processor time, so that a busy machine does not fail the test. Usually 120.
    expect(Math.min(...times)).toBeLessThan(300);
  });
});

/** Bytes up to the data section of a file with one tensor that is too large to write. */
async function ggufHeader(
  metadata: Record<string, GgufValue>,
  big: ReturnType<typeof tensor>,
): Promise<Uint8Array> {
  const small = await ggufBytes(metadata, [{ ...big, shape: [1, 1, 8] }]);
  // Same header, other dimensions: they lie just before type and offset at the end of the header.
  const { dataOffset } = await readGguf(memorySource(small, 'small'));
  const header = small.slice(0, dataOffset);
  const view = new DataView(header.buffer);
  const name = new TextEncoder().encode(big.name);
  const at = lastIndexOf(header, name) + name.length + 4;
  for (const [i, dim] of big.shape.toReversed().entries()) view.setBigUint64(at + 8 * i, BigInt(dim), true);
  return header;
}

function lastIndexOf(bytes: Uint8Array, part: Uint8Array): number {
  return Buffer.from(bytes).lastIndexOf(part);
}

describe('readGguf refuses', () => {
  const u32le = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
  const u64le = (value: number | bigint) => new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
  const str = (value: string | Uint8Array) => {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
    return concat([u64le(bytes.length), bytes]);
  };
  const magic = concat([new TextEncoder().encode('GGUF'), u32le(3)]);
  const header = (numTensors: number | bigint, numKeys: number | bigint, ...rest: Uint8Array[]) =>
    concat([magic, u64le(numTensors), u64le(numKeys), ...rest]);
  const info = (name: string, dims: (number | bigint)[], type: number, offset: number | bigint) =>
    concat([str(name), u32le(dims.length), ...dims.map(u64le), u32le(type), u64le(offset)]);
  const room = new Uint8Array(512);

  const cases: [
    string,
    Uint8Array,
    string,
    Partial<{ offset: number; expected: string | RegExp; found: string | RegExp }>,
  ][] = [
    ['an empty file', new Uint8Array(0), 'truncated-file', { offset: 0 }],
    [
      'a page of HTML',
      new TextEncoder().encode('<!DOCTYPE html>'),
      'not-gguf',
      { offset: 0, found: /3c 21 44 4f/ },
    ],
    ['a count of tensors beyond 2^53', header(2n ** 60n, 0), 'number-too-large', { offset: 8 }],
    ['a count of keys beyond the file', header(0, 5000, room), 'truncated-file', { offset: 24 }],
    ['a count of tensors beyond the file', header(1000, 0, room), 'truncated-file', { offset: 24 }],
    ['a count beyond every real file', header(0, 2 ** 40, room), 'header-too-large', { offset: 16 }],
    ['a key longer than the file', header(0, 1, u64le(4000), room), 'truncated-file', { offset: 32 }],
    ['a key of 2^63 bytes', header(0, 1, u64le(2n ** 63n), room), 'number-too-large', { offset: 24 }],
    [
      'an unknown value type',
      header(0, 1, str('k'), u32le(13), room),
      'metadata-type',
      { offset: 33, found: '13' },
    ],
    [
      'a bool of 2',
      header(0, 1, str('k'), u32le(7), Uint8Array.of(2)),
      'metadata-type',
      { offset: 37, found: '2' },
    ],
    [
      'an array longer than the file',
      header(0, 1, str('k'), u32le(9), u32le(6), u64le(2 ** 40), room),
      'truncated-file',
      { offset: 49, expected: /1,099,511,627,776 f32/ },
    ],
    [
      'an array of strings longer than the file',
      header(0, 1, str('k'), u32le(9), u32le(8), u64le(65), room),
      'truncated-file',
      { offset: 49 },
    ],
    [
      'a string of an array that leaves the file',
      header(0, 1, str('k'), u32le(9), u32le(8), u64le(2), str('x'), u64le(600), room),
      'truncated-file',
      { offset: 58 },
    ],
    [
      'the same key twice',
      header(0, 2, str('k'), u32le(4), u32le(1), str('k'), u32le(4), u32le(1)),
      'duplicate-key',
      { offset: 41 },
    ],
    [
      'a key that is not UTF-8',
      header(0, 1, str(Uint8Array.of(0xc3, 0x28)), room),
      'invalid-utf8',
      { offset: 32, found: /c3 28/ },
    ],
    [
      'a character that begins in one string and ends in the next',
      header(
        0,
        1,
        str('k'),
        u32le(9),
        u32le(8),
        u64le(2),
        str(Uint8Array.of(0xc3)),
        str(Uint8Array.of(0xa9)),
        room,
      ),
      'invalid-utf8',
      { offset: 57 },
    ],
    [
      'an alignment of 48',
      header(0, 1, str('general.alignment'), u32le(4), u32le(48)),
      'bad-alignment',
      { found: 'u32 48' },
    ],
    ['an alignment of 0', header(0, 1, str('general.alignment'), u32le(4), u32le(0)), 'bad-alignment', {}],
    [
      'five dimensions',
      header(1, 0, info('t', [1, 1, 1, 1, 1], 0, 0), room),
      'tensor-shape',
      { offset: 33, found: '5' },
    ],
    ['no dimensions', header(1, 0, info('t', [], 0, 0), room), 'tensor-shape', { offset: 33, found: '0' }],
    ['a dimension of zero', header(1, 0, info('t', [4, 0], 0, 0), room), 'tensor-shape', { offset: 45 }],
    [
      '2^60 elements',
      header(1, 0, info('t', [2 ** 30, 2 ** 30], 0, 0), room),
      'tensor-shape',
      { offset: 45 },
    ],
    [
      'rows that cut a block',
      header(1, 0, info('t', [48], 8, 0), room),
      'tensor-shape',
      { found: 'rows of 48' },
    ],
    [
      'an unknown storage type',
      header(1, 0, info('t', [32], 99_999, 0), room),
      'unknown-storage-type',
      { offset: 45 },
    ],
    [
      'an offset off the alignment',
      header(1, 0, info('t', [4], 0, 8), room),
      'tensor-offset',
      { offset: 49, found: '8' },
    ],
    [
      'an offset beyond 2^53',
      header(1, 0, info('t', [4], 0, 2n ** 54n), room),
      'number-too-large',
      { offset: 49 },
    ],
    [
      'a tensor that leaves the file',
      header(1, 0, info('t', [1024], 0, 0), room),
      'truncated-file',
      { offset: 49 },
    ],
    [
      'a name of 65 bytes',
      header(1, 0, info('n'.repeat(65), [4], 0, 0), room),
      'string-too-long',
      { offset: 24 },
    ],
    ['a tensor without a name', header(1, 0, info('', [4], 0, 0), room), 'duplicate-tensor', { offset: 24 }],
    [
      'the same tensor twice',
      header(2, 0, info('t', [4], 0, 0), info('t', [4], 0, 32), room),
      'duplicate-tensor',
      { offset: 57 },
    ],
    [
      'two tensors in the same bytes',
      header(2, 0, info('a', [16], 0, 0), info('b', [4], 0, 32), room),
      'overlapping-tensors',
      {},
    ],
  ];

  it.each(cases)('%s', async (_, bytes, code, details) => {
    const error = await errorOf(() => readGguf(memorySource(bytes, 'bad.gguf')));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.code).toBe(code);
    expect(error.message).toContain('bad.gguf');
    expect(error.hint).toBeTruthy();
    const { offset, expected: wanted, found } = error as FormatError;
    expect(offset).toBeTypeOf('number');
    expect(wanted).toBeTruthy();
    expect(found).toBeTruthy();
    if (details.offset !== undefined) expect(offset).toBe(details.offset);
    if (details.expected) expect(wanted).toMatch(details.expected);
    if (details.found) expect(found).toMatch(details.found);
  });

  it('a big-endian file, and says so', async () => {
    const bytes = new Uint8Array(readFileSync(golden('big-endian.gguf')));
    const error = await errorOf(() => readGguf(memorySource(bytes, 'be.gguf')));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(error.code).toBe('big-endian-gguf');
  });

  it.each([0, 1, 4])('version %i', async (version) => {
    const bytes = concat([magic.slice(0, 4), u32le(version), new Uint8Array(16)]);
    const error = await errorOf(() => readGguf(memorySource(bytes, 'old.gguf')));
    expect(error.code).toBe('gguf-version');
  });

  it('an array of arrays', async () => {
    const bytes = header(0, 1, str('k'), u32le(9), u32le(9), u64le(1), room);
    expect((await errorOf(() => readGguf(memorySource(bytes, 'nested.gguf')))).code).toBe('nested-array');
  });

  it('every proper prefix of a valid file', async () => {
    const bytes = await ggufBytes({ 'general.architecture': text('dots1'), 'general.alignment': u32(32) }, [
      tensor('a', 'f32', 2, 8),
      tensor('b', 'q8_0', 32),
    ]);
    // The padding after the last tensor is not read.
    const { tensors } = await readGguf(memorySource(bytes, 'whole.gguf'));
    const last = tensors.get('b')!;
    for (let length = 0; length < last.offset + last.sizeBytes; length++) {
      const error = await errorOf(() => readGguf(memorySource(bytes.subarray(0, length), 'cut.gguf')));
      expect(error.code, `${length} bytes`).toBe('truncated-file');
    }
  });
});
