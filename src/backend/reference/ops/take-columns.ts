import type { Kernel } from '../kernel.ts';

export const takeColumns: Kernel = (call) => {
  const x_TC = call.floats(0);
  const width = call.shape(0)[1];
  const first = call.number('first');
  const [numRows, count] = call.outputShape;
  for (let t = 0; t < numRows; t++) {
    call.output.set(x_TC.subarray(t * width + first, t * width + first + count), t * count);
  }
};
