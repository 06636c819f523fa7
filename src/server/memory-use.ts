import type { Engine } from '../engine/open.ts';

/** Bytes by what they hold; weights are mapped from their file. */
export interface MemoryUse {
  readonly weights: number;
  /** KV cache of running sequences. */
  readonly kv: number;
  /** KV cache that is kept in case that a prompt begins alike. */
  readonly prefixCache: number;
  /** The most that both may take together. */
  readonly kvCapacity: number;
}

export function memoryUse({ loop: { pool }, pageBytes, files }: Engine): MemoryUse {
  return {
    weights: files.fileBytes,
    kv: (pool.numPages - pool.numAvailable) * pageBytes,
    prefixCache: pool.numIdle * pageBytes,
    kvCapacity: pool.numPages * pageBytes,
  };
}
