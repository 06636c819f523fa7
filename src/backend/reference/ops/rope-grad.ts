import type { Kernel } from '../kernel.ts';
import { rotate } from './rope.ts';

/** A rotation's transpose is the rotation back. */
export const ropeGrad: Kernel = (call) => rotate(call, -1);
