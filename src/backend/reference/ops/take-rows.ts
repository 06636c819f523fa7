import type { Kernel } from '../kernel.ts';

export const takeRows: Kernel = (call) => {
  const width = call.outputShape[1];
  const rows_O = call.integers(1);
  // Four bytes an element either way: indices are taken as well as values.
  const from = call.bits(0);
  const to = call.outputBits;
  rows_O.forEach((row, o) => {
    to.set(from.subarray(row * width, (row + 1) * width), o * width);
  });
};
