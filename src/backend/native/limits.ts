import { ResourceError } from '../../core/errors.ts';
import type { StorageType } from '../../dtype/storage-type.ts';
import { F32_ACTIVATIONS } from '../program/lower.ts';
import { bestIsa, loadAddon } from './addon.ts';

/** What this machine can do at most on its best instruction set, all threads together. */
export interface MachineLimits {
  /** Bytes read from memory that no cache holds. */
  readonly readBytesPerSecond: number;
  /** f32 fused multiply-adds. */
  readonly floatMultipliesPerSecond: number;
  /** Multiply-adds of 8-bit integers into 32-bit sums. */
  readonly byteMultipliesPerSecond: number;
}

/** Measures for about a second. Undefined where the native backend is not built. Throws `ResourceError` without up to 1 GB to spare. */
export function measureLimits(numThreads: number): MachineLimits | undefined {
  const { addon } = loadAddon();
  if (!addon) return undefined;
  try {
    const device = addon.openDevice(bestIsa(addon), numThreads);
    const [readBytesPerSecond, floatMultipliesPerSecond, byteMultipliesPerSecond] = addon.limits(device);
    return { readBytesPerSecond, floatMultipliesPerSecond, byteMultipliesPerSecond };
  } catch (error) {
    throw new ResourceError(`Cannot measure the machine's limits: ${(error as Error).message}`, {
      code: 'no-limits',
      hint: 'free some memory',
      cause: error,
    });
  }
}

/** Whether products with weights of this type are sums of 8-bit integers, and else of f32. */
export function multipliesBytes(type: StorageType): boolean {
  const { addon } = loadAddon();
  return addon !== undefined && addon.activationKind(type.id) > F32_ACTIVATIONS;
}
