import { expect, it } from 'vitest';
import { storageTypes } from '../../src/dtype/index.ts';
import { FILE_TYPES } from '../../src/format/gguf-file-types.ts';

it('FILE_TYPES has a number of its own for each name, and each name is a storage type or a mix of one', () => {
  const numbers = Object.values(FILE_TYPES);
  expect(new Set(numbers).size).toBe(numbers.length);
  const names = new Set(storageTypes.map(({ name }) => name));
  for (const name of Object.keys(FILE_TYPES))
    expect(names.has(name) || /^(q[2-5]_k_[sml]|iq[23]_(xs|m)|mxfp4_moe)$/.test(name), name).toBe(true);
});

it('every type that convert writes has a number', () => {
  for (const type of storageTypes.filter(({ encodeRow }) => encodeRow))
    expect(FILE_TYPES[type.name], type.name).toBeDefined();
});
