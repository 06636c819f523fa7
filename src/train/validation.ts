import type { ValidationSet } from '../data/open-data.ts';
import { countedWeight, type TrainingPrograms } from './training-programs.ts';

export interface SetResult {
  /** Mean over predicted tokens, in nats. */
  readonly loss: number;
  /** Undefined where the source does not know its bytes. */
  readonly bitsPerByte: number | undefined;
  readonly tokens: number;
}

export interface ValidationResult {
  readonly sets: Readonly<Record<string, SetResult>>;
  /** Over all sets, by tokens. */
  readonly loss: number;
  readonly bitsPerByte: number | undefined;
}

/** Measure the first `maxTokens` of each set, or all of a smaller one, in batches of up to `batchTokens`. */
export async function validate(
  programs: TrainingPrograms,
  sets: readonly ValidationSet[],
  { maxTokens, batchTokens }: { readonly maxTokens: number; readonly batchTokens: number },
  signal?: AbortSignal,
): Promise<ValidationResult> {
  const results: Record<string, SetResult> = {};
  const total = { nats: 0, weight: 0, bytes: 0 };
  for (const { name, source, numTokens } of sets) {
    const start = source.position();
    const wanted = Math.min(maxTokens, numTokens);
    const found = { nats: 0, weight: 0, bytes: 0 };
    for (let done = 0; done < wanted; ) {
      signal?.throwIfAborted();
      const size = Math.min(batchTokens, wanted - done);
      const batch = await source.next(size);
      done += batch.numTokens ?? size;
      found.nats += await programs.measure(batch);
      found.weight += countedWeight(batch);
      found.bytes += batch.numBytes ?? 0;
    }
    await source.seek(start);
    results[name] = { loss: found.nats / found.weight, bitsPerByte: bits(found), tokens: found.weight };
    for (const key of ['nats', 'weight', 'bytes'] as const) total[key] += found[key];
  }
  return { sets: results, loss: total.nats / total.weight, bitsPerByte: bits(total) };
}

function bits({ nats, bytes }: { nats: number; bytes: number }): number | undefined {
  return bytes > 0 ? nats / Math.LN2 / bytes : undefined;
}
