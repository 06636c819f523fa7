import { describe, expect, test } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { storageBytes, storageTypeByName, storageTypes } from '../../src/dtype/index.ts';
import { decodeAll, encodeAll } from './blocks.ts';
import { randomBlocks } from './random-blocks.ts';

describe.each(storageTypes)('$name', (type) => {
  const numElements = 3 * type.blockElements;
  const bytes = randomBlocks(Math.abs(type.id), type.blockBytes, [], 3);

  test('decode() works at odd byte offsets and writes only where it should', () => {
    const expected = decodeAll(type, bytes);
    for (const shift of [1, 3]) {
      // A view that itself starts at an odd byte of its buffer, as tensors inside a file may.
      const shifted = new Uint8Array(new ArrayBuffer(bytes.length + 8), 1).fill(0xa5);
      shifted.set(bytes, shift);
      const target = new Float32Array(numElements + 8).fill(7);
      type.decode(shifted, shift, target, 5, numElements);
      expect(target.subarray(5, 5 + numElements)).toEqual(expected);
      expect([...target.subarray(0, 5), ...target.subarray(5 + numElements)]).toEqual(new Array(8).fill(7));
    }
  });

  test('decode() of a row in pieces gives the row', () => {
    const pieces = new Float32Array(numElements);
    for (let b = 2; b >= 0; b--) {
      type.decode(bytes, b * type.blockBytes, pieces, b * type.blockElements, type.blockElements);
    }
    expect(pieces).toEqual(decodeAll(type, bytes));
  });

  test('decode() refuses to read or write past an end', () => {
    const target = new Float32Array(numElements);
    expect(() => type.decode(bytes, 1, target, 0, numElements)).toThrow('internal:');
    expect(() => type.decode(bytes, 0, target, 1, numElements)).toThrow('internal:');
    expect(() => type.decode(bytes, -1, target, 0, type.blockElements)).toThrow('internal:');
  });

  if (type.blockElements === 1) return;

  test('decode() refuses part of a block', () => {
    const target = new Float32Array(numElements);
    expect(() => type.decode(bytes, 0, target, 0, numElements - 1)).toThrow(
      `Cannot decode ${numElements - 1} elements of ${type.name}: its blocks hold ${type.blockElements}`,
    );
  });
});

// Where the code of element 0 lies: [byte, shift, bits], lowest bits first. All scales are positive (d is 1.0, every
// other byte 0x7f), so a larger code must give a larger value. mxfp4 and nvfp4 codes carry a sign bit and the codebook
// types have no order, so they are not here; the golden blocks cover them.
const codesOfElement0 = [
  { name: 'q4_0', halves: [0], code: [[2, 0, 4]] },
  { name: 'q4_1', halves: [0, 2], code: [[4, 0, 4]] },
  {
    name: 'q5_0',
    halves: [0],
    code: [
      [6, 0, 4],
      [2, 0, 1],
    ],
  },
  {
    name: 'q5_1',
    halves: [0, 2],
    code: [
      [8, 0, 4],
      [4, 0, 1],
    ],
  },
  { name: 'q2_k', halves: [80, 82], code: [[16, 0, 2]] },
  {
    name: 'q3_k',
    halves: [108],
    code: [
      [32, 0, 2],
      [0, 0, 1],
    ],
  },
  { name: 'q4_k', halves: [0, 2], code: [[16, 0, 4]] },
  {
    name: 'q5_k',
    halves: [0, 2],
    code: [
      [48, 0, 4],
      [16, 0, 1],
    ],
  },
  {
    name: 'q6_k',
    halves: [208],
    code: [
      [0, 0, 4],
      [128, 0, 2],
    ],
  },
  { name: 'q1_0', halves: [0], code: [[2, 0, 1]] },
  { name: 'tq2_0', halves: [64], code: [[0, 0, 2]] },
  { name: 'iq4_nl', halves: [0], code: [[2, 0, 4]] },
  { name: 'iq4_xs', halves: [0], code: [[8, 0, 4]] },
  { name: 'f8_e4m3', halves: [], code: [[0, 0, 7]] },
];

test.each(codesOfElement0)('$name: larger codes give larger values', ({ name, halves, code }) => {
  const type = storageTypeByName(name);
  const numBits = code.reduce((total, [, , bits]) => total + bits, 0);
  const values = Array.from({ length: 2 ** numBits }, (_, number) => {
    const block = new Uint8Array(type.blockBytes).fill(0x7f);
    for (const at of halves) block.set([0x00, 0x3c], at);
    let rest = number;
    for (const [at, shift, bits] of code) {
      const mask = ((1 << bits) - 1) << shift;
      block[at] = (block[at] & ~mask) | ((rest << shift) & mask);
      rest >>= bits;
    }
    return decodeAll(type, block)[0];
  });
  if (name === 'f8_e4m3') values.pop(); // the last code is NaN
  for (let i = 1; i < values.length; i++) expect(values[i], `code ${i}`).toBeGreaterThan(values[i - 1]);
});

test('q8_0: larger codes give larger values', () => {
  const codes = Array.from({ length: 256 }, (_, i) => i - 128);
  const values = codes.map((code) => {
    const block = new Uint8Array(34);
    block.set([0x00, 0x3c, code]);
    return decodeAll(storageTypeByName('q8_0'), block)[0];
  });
  expect(values).toEqual(codes);
});

test('q1_0: set bits are +d, clear bits −d, lowest bit first', () => {
  const block = new Uint8Array(18);
  block.set([0x00, 0xc0, 0b0000_0101, 0x80]); // d = −2
  const values = [...decodeAll(storageTypeByName('q1_0'), block)];
  expect(values.flatMap((value, i) => (value === -2 ? [i] : []))).toEqual([0, 2, 15]);
  expect(values.filter((value) => value === 2)).toHaveLength(125);
});

// Root mean square error of normal values, relative to their root mean square: the bound is the measured error,
// rounded up.
test.each([
  { name: 'f32', bound: 0 },
  { name: 'f16', bound: 0.000207 },
  { name: 'bf16', bound: 0.00166 },
  { name: 'q8_0', bound: 0.00537 },
  { name: 'q5_1', bound: 0.0381 },
  { name: 'q5_0', bound: 0.0428 },
  { name: 'q4_1', bound: 0.0786 },
  { name: 'q4_0', bound: 0.0862 },
])('$name: a round trip stays below its recorded error', ({ name, bound }) => {
  const type = storageTypeByName(name);
  const random = new Random(2025);
  const values = Float32Array.from({ length: 65_536 }, () => 0.02 * random.normal());
  const returned = decodeAll(type, encodeAll(type, values));
  let error = 0;
  let power = 0;
  for (let i = 0; i < values.length; i++) {
    error += (returned[i] - values[i]) ** 2;
    power += values[i] ** 2;
  }
  expect(Math.sqrt(error / power)).toBeLessThanOrEqual(bound);
});

test.each(storageTypes.filter((type) => type.encodeRow !== undefined))(
  '$name: encodeRow() works at offsets and writes only where it should',
  (type) => {
    const values = Float32Array.from({ length: 2 * type.blockElements }, (_, i) => Math.sin(i));
    const expected = encodeAll(type, values);
    const source = new Float32Array(values.length + 3);
    source.set(values, 3);
    const target = new Uint8Array(expected.length + 4).fill(0xa5);
    type.encodeRow!(source, 3, target, 1, values.length);
    expect(target.subarray(1, 1 + expected.length)).toEqual(expected);
    expect([target[0], ...target.subarray(1 + expected.length)]).toEqual([0xa5, 0xa5, 0xa5, 0xa5]);
    expect(() => type.encodeRow!(source, 4, target, 0, values.length)).toThrow('internal:');
  },
);

test('storageBytes() of a dots.llm1 expert matrix', () => {
  expect(storageBytes(storageTypeByName('q4_k'), 4096 * 1408)).toBe(3_244_032);
});
