import type { Kernel } from '../kernel.ts';

export const topK: Kernel = (call) => {
  const x_TE = call.floats(0);
  const [numTokens, width] = call.shape(0);
  const k = call.number('k');
  for (let t = 0; t < numTokens; t++) {
    call.outputIntegers.set(largestColumns(x_TE.subarray(t * width, (t + 1) * width), k), t * k);
  }
};

/** Columns of the k largest entries, largest first, ties to the lower column. */
export function largestColumns(row_E: Float32Array, k: number): number[] {
  const columns = Array.from(row_E, (_, column) => column);
  columns.sort((a, b) => (row_E[a] === row_E[b] ? a - b : row_E[b] - row_E[a]));
  return columns.slice(0, k);
}
