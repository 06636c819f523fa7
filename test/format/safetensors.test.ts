import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FormatError, UnsupportedError } from '../../src/core/errors.ts';
import { openFileSource } from '../../src/format/file-source.ts';
import { memorySource } from '../../src/format/memory-source.ts';
import { readSafetensors } from '../../src/format/safetensors.ts';
import { writeSafetensors } from '../../src/format/safetensors-writer.ts';
import { concat, errorOf, fillBytes, golden, MemoryFiles, summarise, tensor } from './helpers.ts';

const expected = JSON.parse(readFileSync(golden('expected.json'), 'utf8'));
const NAMES: Record<string, string> = {
  float32: 'f32',
  float16: 'f16',
  bfloat16: 'bf16',
  float8_e4m3fn: 'f8_e4m3',
  int64: 'i64',
};

describe('readSafetensors', () => {
  it('finds every tensor and its bytes where the safetensors package put them', async () => {
    const source = await openFileSource(golden('values.safetensors'));
    const { tensors, metadata } = await readSafetensors(source);
    expect(tensors.size).toBe(Object.keys(expected.safetensors).length);
    for (const [name, [dtype, ...rest]] of Object.entries<unknown[]>(expected.safetensors)) {
      expect(await summarise(tensors.get(name)!), name).toEqual([NAMES[dtype as string], ...rest]);
    }
    expect([...metadata]).toEqual([
      ['format', 'pt'],
      ['note', 'ünï'],
    ]);
    await source.close();
  });

  it('keeps tensors named __proto__, constructor and 7', async () => {
    const memory = new MemoryFiles();
    const tensors = ['__proto__', 'constructor', '7'].map((name) => tensor(name, 'f32', 2));
    await writeSafetensors(memory.folder('m'), { tensors, bytes: fillBytes });
    const file = await readSafetensors(memorySource(memory.files.get('m/model.safetensors')!, 'm'));
    expect([...file.tensors.keys()]).toEqual(['__proto__', 'constructor', '7']);
  });
});

describe('readSafetensors refuses', () => {
  const build = (header: string, dataBytes: number, length?: bigint) => {
    const json = new TextEncoder().encode(header);
    const prefix = new Uint8Array(BigUint64Array.of(length ?? BigInt(json.length)).buffer);
    return concat([prefix, json, new Uint8Array(dataBytes)]);
  };
  const one = (entry: object) =>
    JSON.stringify({ t: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...entry } });
  const entry = (begin: number, end: number) => ({
    dtype: 'I8',
    shape: [end - begin],
    data_offsets: [begin, end],
  });

  it.each<[string, Uint8Array, string, { offset?: number; found?: string | RegExp }]>([
    ['an empty file', new Uint8Array(0), 'truncated-file', { offset: 0 }],
    ['a header longer than the file', build('{}', 0, 100n), 'truncated-file', { offset: 8 }],
    ['a header of 2^40 bytes', build('{}', 0, 2n ** 40n), 'header-too-large', { offset: 0 }],
    ['a header of 2^60 bytes', build('{}', 0, 2n ** 60n), 'number-too-large', { offset: 0 }],
    ['an empty header', build('', 0), 'not-safetensors', { found: 'nothing' }],
    ['a header that is an array', build('[]', 0), 'not-safetensors', { offset: 8 }],
    ['a header that ends early', build('{"a":', 0), 'invalid-json', { offset: 13 }],
    ['a header that is not UTF-8', build('{"a"', 0).map((b) => (b === 0x61 ? 0xff : b)), 'invalid-utf8', {}],
    [
      'a tensor twice',
      build(
        '{"t":{"dtype":"I8","shape":[0],"data_offsets":[0,0]},"t":{"dtype":"I8","shape":[0],"data_offsets":[0,0]}}',
        0,
      ),
      'invalid-json',
      { found: '"t" again' },
    ],
    ['an entry that is a number', build('{"t":1}', 0), 'bad-tensor', { offset: 9, found: '1' }],
    [
      'an entry without a shape',
      build('{"t":{"dtype":"F32","data_offsets":[0,0]}}', 0),
      'bad-tensor',
      { found: 'nothing' },
    ],
    [
      'an entry without a dtype',
      build('{"t":{"shape":[],"data_offsets":[0,0]}}', 0),
      'bad-tensor',
      { found: 'nothing' },
    ],
    ['a negative dimension', build(one({ shape: [-2] }), 8), 'bad-tensor', { found: '-2' }],
    ['half a dimension', build(one({ shape: [1.5] }), 8), 'bad-tensor', { found: '1.5' }],
    ['a null in the shape', build(one({ shape: [null] }), 8), 'bad-tensor', { found: 'null' }],
    [
      'a dimension of 2^53',
      build(one({ shape: [2 ** 53] }), 8),
      'number-too-large',
      { found: /9007199254740992/ },
    ],
    ['2^80 elements', build(one({ shape: [2 ** 40, 2 ** 40] }), 8), 'tensor-size', {}],
    [
      'a shape that does not fit its bytes',
      build(one({ shape: [3] }), 8),
      'tensor-size',
      { found: '8 bytes' },
    ],
    ['offsets backwards', build(one({ data_offsets: [8, 0] }), 8), 'tensor-offset', { found: '[8; 0]' }],
    ['three offsets', build(one({ data_offsets: [0, 4, 8] }), 8), 'tensor-offset', { found: '[0; 4; 8]' }],
    ['a tensor that leaves the file', build(one({}), 7), 'truncated-file', { found: '69 bytes' }],
    ['bytes after the last tensor', build(one({}), 9), 'trailing-bytes', { found: '1 more bytes' }],
    [
      'a gap before the first tensor',
      build(JSON.stringify({ t: entry(4, 8) }), 8),
      'gap-between-tensors',
      {},
    ],
    [
      'a gap between tensors',
      build(JSON.stringify({ a: entry(0, 4), b: entry(5, 8) }), 8),
      'gap-between-tensors',
      {},
    ],
    [
      'two tensors in the same bytes',
      build(JSON.stringify({ a: entry(0, 5), b: entry(4, 8) }), 8),
      'overlapping-tensors',
      {},
    ],
    ['metadata that is not text', build('{"__metadata__":{"format":1}}', 0), 'bad-metadata', { found: '1' }],
    ['metadata that is not an object', build('{"__metadata__":[]}', 0), 'bad-metadata', { found: '[]' }],
  ])('%s', async (_, bytes, code, details) => {
    const error = await errorOf(() => readSafetensors(memorySource(bytes, 'bad.safetensors')));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.code).toBe(code);
    expect(error.message).toContain('bad.safetensors');
    const { offset, expected: wanted, found } = error as FormatError;
    expect(offset).toBeTypeOf('number');
    expect(wanted).toBeTruthy();
    expect(found).toBeTruthy();
    if (details.offset !== undefined) expect(offset).toBe(details.offset);
    if (details.found) expect(found).toMatch(details.found);
  });

  it('a dtype it can not decode, and names the tensor', async () => {
    const error = await errorOf(() => readSafetensors(memorySource(build(one({ dtype: 'U64' }), 8), 'm')));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(error.message).toContain('tensor "t" of m: its dtype is "U64"');
  });

  it('every proper prefix of a valid file', async () => {
    const bytes = new Uint8Array(readFileSync(golden('values.safetensors')));
    for (let length = 0; length < bytes.length; length++) {
      const error = await errorOf(() => readSafetensors(memorySource(bytes.subarray(0, length), 'cut')));
      expect(error.code, `${length} bytes`).toBe('truncated-file');
    }
  });
});

describe('writeSafetensors', () => {
  it('aligns every tensor to its element and the data to 8 bytes', async () => {
    const memory = new MemoryFiles();
    const tensors = [tensor('odd', 'bf16', 3), tensor('wide', 'f32', 5), tensor('scalar', 'f32')];
    await writeSafetensors(memory.folder('m'), { tensors, bytes: fillBytes });
    const file = await readSafetensors(memorySource(memory.files.get('m/model.safetensors')!, 'm'));
    expect(file.dataOffset % 8).toBe(0);
    expect(file.metadata.get('format')).toBe('pt');
    for (const written of tensors) {
      const read = file.tensors.get(written.name)!;
      expect(read.offset % written.type.blockBytes).toBe(0);
      expect(read.shape).toEqual(written.shape);
      expect(await read.source.read(read.offset, read.sizeBytes)).toEqual(concat([...fillBytes(written)]));
    }
  });

  it.each([
    ['a quantised tensor', [tensor('t', 'q8_0', 32)], 'unsupported-dtype'],
    ['a name twice', [tensor('t', 'f32', 1), tensor('t', 'f32', 1)], 'tensor-name'],
    ['the name __metadata__', [tensor('__metadata__', 'f32', 1)], 'tensor-name'],
  ])('refuses %s', async (_, tensors, code) => {
    const memory = new MemoryFiles();
    const error = await errorOf(() => writeSafetensors(memory.folder('m'), { tensors, bytes: fillBytes }));
    expect(error.code).toBe(code);
    expect(memory.files.size).toBe(0);
  });
});
