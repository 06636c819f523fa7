import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/core/errors.ts';
import {
  findBoolean,
  findNumber,
  findNumberArray,
  findString,
  findStringArray,
  type GgufValue,
  getNumber,
  getStringArray,
} from '../../src/format/gguf-values.ts';
import { errorOf } from './helpers.ts';

const metadata = new Map<string, GgufValue>([
  ['count', { type: 'u32', value: 62 }],
  ['scale', { type: 'f32', value: 2.5 }],
  ['long', { type: 'u64', value: 2n ** 53n - 1n }],
  ['longer', { type: 'i64', value: -(2n ** 60n) }],
  ['flag', { type: 'bool', value: false }],
  ['name', { type: 'string', value: '' }],
  ['tokens', { type: 'array', elementType: 'string', value: ['a', 'b'] }],
  ['types', { type: 'array', elementType: 'i32', value: Int32Array.of(1, 3) }],
  ['flags', { type: 'array', elementType: 'bool', value: Uint8Array.of(1) }],
  ['longs', { type: 'array', elementType: 'u64', value: BigUint64Array.of(1n) }],
]);

describe('metadata getters', () => {
  it('give the value of the right type, also when it is false, empty or 64 bits wide', () => {
    expect(getNumber(metadata, 'count')).toBe(62);
    expect(findNumber(metadata, 'scale')).toBe(2.5);
    expect(getNumber(metadata, 'long')).toBe(Number.MAX_SAFE_INTEGER);
    expect(findBoolean(metadata, 'flag')).toBe(false);
    expect(findString(metadata, 'name')).toBe('');
    expect(getStringArray(metadata, 'tokens')).toEqual(['a', 'b']);
    expect(findStringArray(metadata, 'tokens')).toEqual(['a', 'b']);
    expect(findNumberArray(metadata, 'types')).toEqual(Int32Array.of(1, 3));
  });

  it('find nothing for an absent key, while get names it', async () => {
    for (const find of [findNumber, findString, findBoolean, findStringArray, findNumberArray]) {
      expect(find(metadata, 'absent')).toBeUndefined();
    }
    for (const get of [getNumber, getStringArray]) {
      const error = await errorOf(async () => get(metadata, 'absent'));
      expect(error.code).toBe('missing-metadata');
      expect(error.message).toContain('"absent"');
    }
  });

  it.each<[string, (values: typeof metadata, key: string) => unknown, string, string]>([
    ['getNumber of a string', getNumber, 'name', 'a string'],
    ['getNumber beyond 2^53', getNumber, 'longer', '-1,152,921,504,606,846,976'],
    ['findString of a number', findString, 'count', 'a u32'],
    ['findString of an array', findString, 'tokens', 'an array of 2 string'],
    ['findBoolean of a number', findBoolean, 'count', 'a u32'],
    ['getStringArray of numbers', getStringArray, 'types', 'an array of 2 i32'],
    ['findNumberArray of strings', findNumberArray, 'tokens', 'an array of 2 string'],
    ['findNumberArray of bools', findNumberArray, 'flags', 'an array of 1 bool'],
    ['findNumberArray of 64-bit integers', findNumberArray, 'longs', 'an array of 1 u64'],
  ])('%s says what it found', async (_, get, key, found) => {
    const error = await errorOf(async () => get(metadata, key));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.code).toBe('metadata-type');
    expect(error.message).toContain(`"${key}"`);
    expect((error as FormatError).found).toBe(found);
  });
});
