import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';

/** The text of a file, or undefined where there is none. */
export type ReadText = (path: string) => string | undefined;

/**
 * Bytes that programs can use without making the system swap or drop pages of others: what is free and what the page cache would
 * give back, at most what the control group of this process (a container) has left. The weights of a model that was read before
 * count as available.
 */
export function availableMemoryBytes(read: ReadText = readText, platform = process.platform): number {
  // The system counts pages of files as used and has no number for what it would give back.
  if (platform === 'darwin') return totalmem();
  if (platform !== 'linux') return freemem();
  const [, kibibytes] = /^MemAvailable:\s+(\d+) kB$/m.exec(read('/proc/meminfo') ?? '') ?? [];
  const ofMachine = kibibytes === undefined ? freemem() : Number(kibibytes) * 1024;
  return Math.max(0, Math.min(ofMachine, groupBytes(read)));
}

/** Control groups, version 2 and 1. Pages of files do not count: they are given back first. */
function groupBytes(read: ReadText): number {
  const limit = Number(
    read('/sys/fs/cgroup/memory.max') ?? read('/sys/fs/cgroup/memory/memory.limit_in_bytes') ?? '',
  );
  if (!(limit > 0)) return Number.POSITIVE_INFINITY;
  const stat = read('/sys/fs/cgroup/memory.stat') ?? read('/sys/fs/cgroup/memory/memory.stat') ?? '';
  const [, used = '0'] = /^(?:anon|total_rss) (\d+)$/m.exec(stat) ?? [];
  return limit - Number(used);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
