import { InternalError } from '../core/errors.ts';
import { formatBytes, formatCount, formatDuration } from '../core/units.ts';
import type { FinishReason, Timings } from '../engine/events.ts';
import type { ExpertStreamingStats } from '../engine/expert-streaming.ts';
import { type GenerateOptions, generate } from '../engine/generate.ts';
import type { Engine } from '../engine/open.ts';
import type { Session } from './session.ts';

/** What `run --json` and `chat --json` print. */
export interface Answer {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly promptTokens: readonly number[];
  readonly finishReason: FinishReason;
  readonly timings: Timings;
  /** For this answer, where experts are read as they are chosen. */
  readonly streaming?: ExpertStreamingStats;
}

/**
 * Generate an answer and hand its pieces on as they come: text, or token ids for a model without a tokenizer.
 * Shows progress while a long prompt is read.
 */
export async function answer(
  session: Session,
  engine: Engine,
  prompt: readonly number[],
  options: GenerateOptions,
  flags: { readonly json?: boolean },
  onPiece: (piece: string) => Promise<void> = async () => {},
): Promise<Answer> {
  const progress = session.progress('reading', 'tokens', flags);
  const tokens: number[] = [];
  const before = engine.streamingStats;
  try {
    for await (const event of generate(engine, prompt, { signal: session.signal, ...options })) {
      if (event.type === 'prompt-progress') progress.update(event.done, event.total);
      else if (event.type === 'prompt-end') progress.clear();
      else if (event.type === 'token-delta') {
        tokens.push(event.token);
        await onPiece(engine.tokenizer ? event.text : `${tokens.length === 1 ? '' : ','}${event.token}`);
      } else {
        const { text } = event;
        const { reason: finishReason, timings } = event;
        const streaming = streamedSince(before, engine.streamingStats);
        return { text, tokens, promptTokens: prompt, finishReason, timings, ...(streaming && { streaming }) };
      }
    }
  } finally {
    progress.clear();
  }
  // generate() ends with `finish` or throws.
  throw new InternalError('the answer ended without a finish event');
}

/** `prompt 12 tokens, 340/s · answer 100 tokens, 25.1/s · 4.0s · ended at the token limit` */
export function describeTimings({ timings, finishReason, streaming }: Answer): string {
  const { promptTokens, promptMs, promptPerSecond, predictedTokens, predictedMs, predictedPerSecond } =
    timings;
  const rate = (perSecond: number): string => (perSecond > 0 ? `, ${formatRate(perSecond)}/s` : '');
  return [
    `prompt ${formatCount(promptTokens)} tokens${rate(promptPerSecond)}`,
    `answer ${formatCount(predictedTokens)} tokens${rate(predictedPerSecond)}`,
    formatDuration(promptMs + predictedMs),
    ...(streaming ? [describeStreaming(streaming, (promptMs + predictedMs) / 1000)] : []),
    finishReason === 'length' ? 'ended at the token limit' : 'complete',
  ].join(' · ');
}

/** `experts 47% in memory, 1.20 GB read at 0.55 GB/s` */
export function describeStreaming(
  { chosen, held, bytesRead }: ExpertStreamingStats,
  seconds: number,
): string {
  const share = chosen > 0 ? Math.floor((100 * held) / chosen) : 100;
  const rate = bytesRead > 0 && seconds > 0 ? ` at ${formatBytes(bytesRead / seconds)}/s` : '';
  return `experts ${share}% in memory, ${formatBytes(bytesRead)} read${rate}`;
}

/** Counters of one answer; what is held, and the room for it, as of now. */
export function streamedSince(
  before: ExpertStreamingStats | undefined,
  now: ExpertStreamingStats | undefined,
): ExpertStreamingStats | undefined {
  if (!before || !now) return undefined;
  return {
    ...now,
    chosen: now.chosen - before.chosen,
    held: now.held - before.held,
    bytesRead: now.bytesRead - before.bytesRead,
    waitSeconds: now.waitSeconds - before.waitSeconds,
  };
}

/** Three significant digits, and never fewer than all whole ones. */
export function formatRate(perSecond: number): string {
  return perSecond >= 100 ? formatCount(perSecond) : perSecond.toFixed(perSecond >= 10 ? 1 : 2);
}
