import type { Kernel } from '../kernel.ts';
import { forEachExpert } from '../routed-rows.ts';

export const groupedLinearGradWeight: Kernel = (call) => {
  const gradient_RO = call.floats(0);
  const x = call.floats(1);
  const experts_TK = call.integers(2);
  const [numExperts, numOut, width] = call.outputShape;
  const slotsPerRow = call.shape(1)[0] === experts_TK.length ? 1 : call.shape(2)[1];
  const sum_I = new Float64Array(width);
  call.output.fill(0);
  forEachExpert(experts_TK, numExperts, (expert, routed) => {
    for (let o = 0; o < numOut; o++) {
      sum_I.fill(0);
      for (const r of routed) {
        const factor = gradient_RO[r * numOut + o];
        const at = Math.floor(r / slotsPerRow) * width;
        for (let i = 0; i < width; i++) sum_I[i] += factor * x[at + i];
      }
      call.output.set(sum_I, (expert * numOut + o) * width);
    }
  });
};
