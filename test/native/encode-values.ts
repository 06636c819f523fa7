// The formulas of test/golden/encode/make.py.
import { lcg } from '../dtype/random-blocks.ts';

export const ENCODE_COLUMNS = 1024;
const COUNT = 8 * ENCODE_COLUMNS;

/** Nearly: sums of four uniform numbers, from -2 to 2. */
function normal(seed: number, count: number): Float64Array {
  const states = lcg(seed, 4 * count);
  return Float64Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < 4; j++) sum += states[4 * i + j] >>> 8;
    return sum / 2 ** 24 - 2;
  });
}

const normals = normal(3, COUNT);

export const encodeValues: Readonly<Record<string, Float32Array>> = {
  normal: Float32Array.from(normals, (value) => value * 0.02),
  heavyTailed: Float32Array.from(normals, (value) => value * value * value * 0.02),
};

/** One for each column. */
export const encodeWeights = Float32Array.from(
  normal(4, ENCODE_COLUMNS),
  (value) => value * value * value * value + 1e-3,
);
