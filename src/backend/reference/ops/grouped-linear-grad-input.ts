import type { Kernel } from '../kernel.ts';

export const groupedLinearGradInput: Kernel = (call) => {
  const gradient_RO = call.floats(0);
  const row = call.rows(1);
  const experts_TK = call.integers(2);
  const [numExperts, numOut, width] = call.shape(1);
  const slotsPerRow = call.number('slotsPerRow');
  const sum_RI = new Float64Array(call.output.length);
  // Expert by expert, so that each row of a matrix is decoded once however many tokens chose it. Slots of one token
  // are added in expert order here; in f64 that differs from slot order by less than f32 can show.
  for (let expert = 0; expert < numExperts; expert++) {
    const routed: number[] = [];
    experts_TK.forEach((chosen, r) => {
      if (chosen === expert) routed.push(r);
    });
    if (routed.length === 0) continue;
    for (let o = 0; o < numOut; o++) {
      const weight_I = row(expert * numOut + o);
      for (const r of routed) {
        const factor = gradient_RO[r * numOut + o];
        const at = Math.floor(r / slotsPerRow) * width;
        for (let i = 0; i < width; i++) sum_RI[at + i] += factor * weight_I[i];
      }
    }
  }
  call.output.set(sum_RI);
};
