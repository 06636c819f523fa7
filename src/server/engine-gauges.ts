import type { ExpertStreamingStats } from '../engine/expert-streaming.ts';
import type { Model } from '../engine/model.ts';
import type { Engine } from '../engine/open.ts';
import { PAGE_SIZE } from '../engine/page-pool.ts';
import { memoryUse } from './memory-use.ts';
import type { Gauge } from './metrics.ts';

/** What the engine has at the moment, and what it read so far, for `/metrics`. */
export function engineGauges({ engine }: Model): Gauge[] {
  const { loop } = engine;
  const { pool } = loop;
  const numUsed = (): number => pool.numPages - pool.numAvailable;
  const one = (name: string, help: string, read: () => number): Gauge => ({
    name: `dots_${name}`,
    help,
    read: () => ({ '': read() }),
  });
  return [
    ...(engine.streamingStats ? streamingGauges(engine) : []),
    one('requests_running', 'Sequences in the batch.', () => loop.numRunning),
    one('requests_waiting', 'Queued sequences.', () => loop.numWaiting),
    one('kv_tokens_used', 'KV cache positions that running sequences use.', () => numUsed() * PAGE_SIZE),
    one('kv_tokens_capacity', 'KV cache positions.', () => pool.numPages * PAGE_SIZE),
    {
      name: 'dots_memory_bytes',
      help: 'Memory by what it holds; weights are mapped from their file.',
      read: () => {
        const { weights, kv, prefixCache } = memoryUse(engine);
        return { '{kind="weights"}': weights, '{kind="kv"}': kv, '{kind="prefix-cache"}': prefixCache };
      },
    },
  ];
}

/** Of a model whose experts are read as they are chosen. */
function streamingGauges(engine: Engine): Gauge[] {
  const gauge = (
    name: string,
    help: string,
    read: (stats: ExpertStreamingStats) => number,
    type: Gauge['type'] = 'counter',
  ): Gauge => ({
    name: `dots_experts_${name}`,
    help,
    type,
    read: () => {
      const stats = engine.streamingStats;
      return stats ? { '': read(stats) } : {};
    },
  });
  return [
    gauge('chosen_total', 'Distinct experts chosen, by layer and step.', ({ chosen }) => chosen),
    gauge('held_total', 'Chosen experts that were in memory.', ({ held }) => held),
    gauge('read_bytes_total', 'Bytes of experts read from disk.', ({ bytesRead }) => bytesRead),
    gauge('wait_seconds_total', 'Time that products waited for reads.', ({ waitSeconds }) => waitSeconds),
    gauge('held_bytes', 'Experts in memory.', ({ heldBytes }) => heldBytes, 'gauge'),
    gauge('cache_bytes', 'Memory for experts.', ({ cacheBytes }) => cacheBytes, 'gauge'),
  ];
}
