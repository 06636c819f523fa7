import { expect, test } from 'vitest';
import { FormatError, UnsupportedError } from '../../src/core/errors.ts';
import { storageTypeById, storageTypeByName, storageTypes } from '../../src/dtype/index.ts';

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

test('every type is found by its name in any case, and by its id if it has one', () => {
  for (const type of storageTypes) {
    expect(storageTypeByName(type.name)).toBe(type);
    expect(storageTypeByName(type.name.toUpperCase())).toBe(type);
    if (type.id >= 0) expect(storageTypeById(type.id)).toBe(type);
  }
});

test('names and ids are unique', () => {
  expect(new Set(storageTypes.map((type) => type.name)).size).toBe(storageTypes.length);
  expect(new Set(storageTypes.map((type) => type.id)).size).toBe(storageTypes.length);
});

// Sizes as ggml's own type table has them; ours are computed from the fields.
test.each([
  ['f32', 0, 1, 4],
  ['f16', 1, 1, 2],
  ['bf16', 30, 1, 2],
  ['q4_0', 2, 32, 18],
  ['q4_1', 3, 32, 20],
  ['q5_0', 6, 32, 22],
  ['q5_1', 7, 32, 24],
  ['q8_0', 8, 32, 34],
  ['q2_k', 10, 256, 84],
  ['q3_k', 11, 256, 110],
  ['q4_k', 12, 256, 144],
  ['q5_k', 13, 256, 176],
  ['q6_k', 14, 256, 210],
  ['iq2_xxs', 16, 256, 66],
  ['iq2_xs', 17, 256, 74],
  ['iq2_s', 22, 256, 82],
  ['iq3_xxs', 18, 256, 98],
  ['iq3_s', 21, 256, 110],
  ['iq1_s', 19, 256, 50],
  ['iq1_m', 29, 256, 56],
  ['iq4_nl', 20, 32, 18],
  ['iq4_xs', 23, 256, 136],
  ['tq1_0', 34, 256, 54],
  ['tq2_0', 35, 256, 66],
  ['mxfp4', 39, 32, 17],
  ['nvfp4', 40, 64, 36],
  ['q1_0', 41, 128, 18],
  ['i8', 24, 1, 1],
  ['i16', 25, 1, 2],
  ['i32', 26, 1, 4],
  ['i64', 27, 1, 8],
  ['f64', 28, 1, 8],
] as const)('%s has id %i, %i elements and %i bytes a block', (name, id, blockElements, blockBytes) => {
  expect(storageTypeByName(name)).toMatchObject({ id, blockElements, blockBytes });
});

test.each([
  ['q4_k_m', 'q4_k'],
  ['IQ2-XXS', 'iq2_xxs'],
  ['q80', 'q8_0'],
])('storageTypeByName(%o) suggests %s', (name, suggestion) => {
  const error = thrownBy(() => storageTypeByName(name)) as UnsupportedError;
  expect(error).toBeInstanceOf(UnsupportedError);
  expect(error.code).toBe('unknown-storage-type');
  expect(error.message).toBe(`Cannot find a storage type called "${name}"`);
  expect(error.hint).toMatch(`did you mean "${suggestion}"? known types: f32, f16, bf16,`);
});

test('storageTypeByName() lists the types where nothing is near', () => {
  const error = thrownBy(() => storageTypeByName('constructor')) as UnsupportedError;
  expect(error.hint).toMatch(/^known types: f32, .*, tq1_0$/);
});

test.each([
  [4, 'removed-storage-type', 'Cannot read storage type 4: it was Q4_2, which ggml has removed'],
  [31, 'removed-storage-type', 'Cannot read storage type 31: it was Q4_0_4_4, which ggml has removed'],
  [9, 'run-time-storage-type', 'Cannot read storage type 9: it is Q8_1, which holds activations at run time'],
  [137, 'foreign-storage-type', 'Cannot read storage type 137: ids from 97 up belong to ik_llama.cpp'],
  [42, 'unknown-storage-type', 'Cannot read storage type 42: no type has this id'],
  [4_294_967_295, 'unknown-storage-type', 'no type has this id'],
  [-1, 'unknown-storage-type', 'no type has this id'],
])('storageTypeById(%i) explains: %s', (id, code, message) => {
  const error = thrownBy(() => storageTypeById(id)) as FormatError;
  expect(error).toBeInstanceOf(FormatError);
  expect(error.code).toBe(code);
  expect(error.message).toContain(message);
  expect(error.found).toBe(`${id}`);
  expect(error.hint).toBeTruthy();
});
