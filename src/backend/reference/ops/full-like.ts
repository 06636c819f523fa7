import type { Kernel } from '../kernel.ts';

export const fullLike: Kernel = (call) => {
  call.output.fill(call.number('value'));
};
