import type { Kernel, KernelCall } from '../kernel.ts';

export const rope: Kernel = (call) => rotate(call, 1);

/** Turn every head by its token's angle, or back with `direction` −1. */
export function rotate(call: KernelCall, direction: 1 | -1): void {
  const x_TNH = call.floats(0);
  const positions_T = call.integers(1);
  const factors_P = call.optionalFloats(2);
  const theta = call.number('theta');
  const isInterleaved = call.flag('interleaved');
  const [numTokens, numHeads, headSize] = call.outputShape;
  const half = headSize / 2;
  for (let i = 0; i < half; i++) {
    const frequency = theta ** ((-2 * i) / headSize) / (factors_P?.[i] ?? 1);
    const [first, second] = isInterleaved ? [2 * i, 2 * i + 1] : [i, i + half];
    for (let t = 0; t < numTokens; t++) {
      const cos = Math.cos(positions_T[t] * frequency);
      const sin = direction * Math.sin(positions_T[t] * frequency);
      for (let n = 0; n < numHeads; n++) {
        const head = (t * numHeads + n) * headSize;
        const a = x_TNH[head + first];
        const b = x_TNH[head + second];
        call.output[head + first] = a * cos - b * sin;
        call.output[head + second] = b * cos + a * sin;
      }
    }
  }
}
