import { expect, test } from 'vitest';
import { storageTypeByName } from '../../src/dtype/index.ts';
import { decodeAll } from './blocks.ts';

// One block of each type, readable by eye. Byte k is (37k + 11) mod 256, except where `set` puts [offset, ...bytes]:
// scales of 1 (00 3c) and minima of 0.5 (00 38). `at` lists element: value; then the sums of x and of x².
interface Vector {
  readonly type: string;
  readonly set: readonly (readonly number[])[];
  readonly at: Readonly<Record<number, number>>;
  readonly sum: number;
  readonly sumOfSquares: number;
}

function at32(...values: readonly number[]): Record<number, number> {
  return Object.fromEntries([0, 1, 7, 16, 31, 63].slice(0, values.length).map((i, n) => [i, values[n]]));
}

function at256(...values: readonly number[]): Record<number, number> {
  return Object.fromEntries([0, 1, 33, 100, 127, 128, 200, 255].map((i, n) => [i, values[n]]));
}

const one = [0x00, 0x3c];
const half = [0x00, 0x38];
const d0 = [[0, ...one]];
const d0m2 = [...d0, [2, ...half]];

const vectors: readonly Vector[] = [
  { type: 'q4_0', set: d0, at: at32(-3, 2, 0, -3, 0), sum: -21, sumOfSquares: 645 },
  { type: 'q4_1', set: d0m2, at: at32(15.5, 4.5, 2.5, 9.5, 12.5), sum: 261, sumOfSquares: 2780 },
  { type: 'q5_0', set: d0, at: at32(9, -2, -4, 14, 1), sum: 15, sumOfSquares: 2627 },
  { type: 'q5_1', set: d0m2, at: at32(19.5, 24.5, 22.5, 19.5, 5.5), sum: 521, sumOfSquares: 11298 },
  { type: 'q8_0', set: d0, at: at32(85, 122, 88, -91, -48), sum: -176, sumOfSquares: 190256 },
  {
    type: 'q2_k',
    set: [
      [80, ...one],
      [82, ...half],
    ],
    at: at256(33, 0, -2.5, 20, 42, 7.5, 8, 4.5),
    sum: 2059,
    sumOfSquares: 54476,
  },
  {
    type: 'q3_k',
    set: [[108, ...one]],
    at: at256(81, -108, 44, 0, 72, 2, 25, 42),
    sum: 958,
    sumOfSquares: 568706,
  },
  {
    type: 'q4_k',
    set: d0m2,
    at: at256(315.5, -25.5, 20, 95, 81, 423, 138.5, 48.5),
    sum: 54440,
    sumOfSquares: 24165220,
  },
  {
    type: 'q5_k',
    set: d0m2,
    at: at256(811.5, -25.5, -4, 235, -3, 1047, 138.5, 108.5),
    sum: 116216,
    sumOfSquares: 102828820,
  },
  {
    type: 'q6_k',
    set: [[208, ...one]],
    at: at256(-1431, 1696, -672, 2523, 1500, -351, 1089, -60),
    sum: 4612,
    sumOfSquares: 473900260,
  },
  { type: 'tq1_0', set: [[52, ...one]], at: at256(-1, -1, 0, 1, -1, 0, 0, -1), sum: -2, sumOfSquares: 174 },
  // Encoders never write code 3, but it has a meaning: 2.
  { type: 'tq2_0', set: [[64, ...one]], at: at256(2, -1, -1, 1, 1, 2, 0, -1), sum: 129, sumOfSquares: 389 },
  { type: 'iq4_nl', set: d0, at: at32(-35, 25, 1, -35, 1), sum: -257, sumOfSquares: 134293 },
  {
    type: 'iq4_xs',
    set: d0,
    at: at256(65, -1, -7, 40, 196, -585, 1140, -16),
    sum: -11005,
    sumOfSquares: 242991357,
  },
  {
    type: 'iq2_xxs',
    set: d0,
    at: at256(-59.125, 59.125, 17, 27, 27, -96.875, -9, -80.625),
    sum: 763.75,
    sumOfSquares: 770564.1875,
  },
  {
    type: 'iq2_xs',
    set: d0,
    at: at256(-11, 34.375, 21, -9, -1, -19, 7, -19),
    sum: 1490.5,
    sumOfSquares: 822661.8125,
  },
  {
    type: 'iq2_s',
    set: d0,
    at: at256(-145.125, 84.375, 15.625, -25, 5, -9.375, 71.875, 78.125),
    sum: -800.625,
    sumOfSquares: 678246.046875,
  },
  {
    type: 'iq3_xxs',
    set: d0,
    at: at256(-13, 9, 19, -25, -275, -55, 45, -15),
    sum: -684,
    sumOfSquares: 3704470.5,
  },
  {
    type: 'iq3_s',
    set: d0,
    at: at256(-81, 243, 143, -17, -85, -105, 275, 225),
    sum: 1456,
    sumOfSquares: 5396216,
  },
  {
    type: 'iq1_s',
    set: d0,
    at: at256(-2.625, 0.375, 14.625, 13.125, -1.875, -7.875, -1.375, -4.375),
    sum: 20,
    sumOfSquares: 13116,
  },
  {
    // The top nibbles of the four last u16 spell 0x3c00, lowest first; the rest of each stays (37k + 11).
    type: 'iq1_m',
    set: [
      [49, 0x00 | ((37 * 49 + 11) & 15)],
      [51, 0x00 | ((37 * 51 + 11) & 15)],
      [53, 0xc0 | ((37 * 53 + 11) & 15)],
      [55, 0x30 | ((37 * 55 + 11) & 15)],
    ],
    at: at256(-0.875, 6.125, 0.875, -3.375, -12.375, 1.875, 0.375, -1.875),
    sum: 41,
    sumOfSquares: 10723.75,
  },
  { type: 'mxfp4', set: [[0, 0x80]], at: at32(0, 6, 3, 3, 6), sum: 25, sumOfSquares: 1137 },
  {
    type: 'nvfp4',
    set: [[0, 0x38, 0x41, 0x7e, 0x05]],
    at: at32(-6, 2, 1, 13.5, -4.5, 0.0048828125),
    sum: -7610.6962890625,
    sumOfSquares: 27497116.57520771,
  },
];

test.each(vectors)('$type decodes the published block', ({ type: name, set, at, sum, sumOfSquares }) => {
  const type = storageTypeByName(name);
  const block = Uint8Array.from({ length: type.blockBytes }, (_, k) => 37 * k + 11);
  for (const [offset, ...bytes] of set) block.set(bytes, offset);
  const values = decodeAll(type, block);
  for (const [i, value] of Object.entries(at)) expect(values[Number(i)], `element ${i}`).toBe(value);
  expect(values.reduce((total, x) => total + x, 0)).toBeCloseTo(sum, 9);
  expect(values.reduce((total, x) => total + x * x, 0)).toBeCloseTo(sumOfSquares, 6);
});
