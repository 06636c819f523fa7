import type { Kernel } from '../kernel.ts';

export const swigluGradGate: Kernel = (call) => {
  const [gradient, gate, up] = [call.floats(0), call.floats(1), call.floats(2)];
  for (let i = 0; i < gate.length; i++) {
    const s = 1 / (1 + Math.exp(-gate[i]));
    call.output[i] = gradient[i] * up[i] * s * (1 + gate[i] * (1 - s));
  }
};
