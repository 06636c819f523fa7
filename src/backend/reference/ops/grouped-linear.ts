import { dot } from '../dot.ts';
import type { Kernel } from '../kernel.ts';
import { forEachExpert } from '../routed-rows.ts';

export const groupedLinear: Kernel = (call) => {
  const x = call.floats(0);
  const row = call.rows(1);
  const experts_TK = call.integers(2);
  const [numExperts, numOut, width] = call.shape(1);
  const k = call.shape(2)[1];
  const rowsPerToken = call.shape(0)[0] === experts_TK.length ? 1 : k;
  forEachExpert(experts_TK, numExperts, (expert, routed) => {
    for (let o = 0; o < numOut; o++) {
      const weight_I = row(expert * numOut + o);
      for (const r of routed) {
        call.output[r * numOut + o] = dot(x, Math.floor(r / rowsPerToken) * width, weight_I, 0, width);
      }
    }
  });
};
