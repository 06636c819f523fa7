import { dot } from '../dot.ts';
import type { Kernel } from '../kernel.ts';

export const groupedLinear: Kernel = (call) => {
  const x = call.floats(0);
  const row = call.rows(1);
  const experts_TK = call.integers(2);
  const [numExperts, numOut, width] = call.shape(1);
  const k = call.shape(2)[1];
  const rowsPerToken = call.shape(0)[0] === experts_TK.length ? 1 : k;
  // Expert by expert, so that each row of a matrix is decoded once however many tokens chose it.
  for (let expert = 0; expert < numExperts; expert++) {
    const routed: number[] = [];
    experts_TK.forEach((chosen, r) => {
      if (chosen === expert) routed.push(r);
    });
    if (routed.length === 0) continue;
    for (let o = 0; o < numOut; o++) {
      const weight_I = row(expert * numOut + o);
      for (const r of routed) {
        call.output[r * numOut + o] = dot(x, Math.floor(r / rowsPerToken) * width, weight_I, 0, width);
      }
    }
  }
};
