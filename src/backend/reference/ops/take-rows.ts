import type { Kernel } from '../kernel.ts';

export const takeRows: Kernel = (call) => {
  const row = call.rows(0);
  const width = call.outputShape[1];
  call.integers(1).forEach((from, to) => {
    call.output.set(row(from), to * width);
  });
};
