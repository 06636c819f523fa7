import type { Kernel } from '../kernel.ts';
import { forEachExpert } from '../routed-rows.ts';

export const groupedLinearGradInput: Kernel = (call) => {
  const gradient_RO = call.floats(0);
  const row = call.rows(1);
  const experts_TK = call.integers(2);
  const [numExperts, numOut, width] = call.shape(1);
  const slotsPerRow = call.number('slotsPerRow');
  const sum_RI = new Float64Array(call.output.length);
  // Slots of one token are added in expert order; in f64 that differs from slot order by less than f32 can show.
  forEachExpert(experts_TK, numExperts, (expert, routed) => {
    for (let o = 0; o < numOut; o++) {
      const weight_I = row(expert * numOut + o);
      for (const r of routed) {
        const factor = gradient_RO[r * numOut + o];
        const at = Math.floor(r / slotsPerRow) * width;
        for (let i = 0; i < width; i++) sum_RI[at + i] += factor * weight_I[i];
      }
    }
  });
  call.output.set(sum_RI);
};
