import { formatBytes } from '../core/units.ts';

export interface MemoryNeed {
  /** What the warning calls the model. */
  readonly name: string;
  readonly weightBytes: number;
  readonly cacheBytes: number;
}

/** Bytes that are available on this machine; undefined where nobody knows, as in a browser. */
export async function availableMemory(): Promise<number | undefined> {
  if (typeof process === 'undefined' || !process.versions?.node) return undefined;
  return (await import('../backend/native/available-memory.ts')).availableMemoryBytes();
}

/** A model that is larger than memory runs, but reads its weights from disk again and again. */
export function memoryWarning(
  { name, weightBytes, cacheBytes }: MemoryNeed,
  availableBytes: number | undefined,
): string | undefined {
  const needed = weightBytes + cacheBytes;
  if (availableBytes === undefined || needed <= availableBytes) return undefined;
  return (
    `${name} needs ${formatBytes(needed)} of memory (${formatBytes(weightBytes)} of weights, ` +
    `${formatBytes(cacheBytes)} of KV cache), but ${formatBytes(availableBytes)} are available: weights will be read from disk ` +
    'for every token, which is slow. Use a file of fewer bits per weight, a shorter context (--ctx), or close other programs'
  );
}
