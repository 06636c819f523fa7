import type { Kernel } from '../kernel.ts';

export const embedding: Kernel = (call) => {
  const row = call.rows(0);
  const ids_T = call.integers(1);
  const width = call.outputShape[1];
  ids_T.forEach((id, t) => {
    call.output.set(row(id), t * width);
  });
};
