import { InternalError } from '../core/errors.ts';
import { formatCount, formatDuration } from '../core/units.ts';
import type { FinishReason, Timings } from '../engine/events.ts';
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
  try {
    for await (const event of generate(engine, prompt, { signal: session.signal, ...options })) {
      if (event.type === 'prompt-progress') progress.update(event.done, event.total);
      else if (event.type === 'prompt-end') progress.clear();
      else if (event.type === 'token-delta') {
        tokens.push(event.token);
        await onPiece(engine.tokenizer ? event.text : `${tokens.length === 1 ? '' : ','}${event.token}`);
      } else {
        const { text } = event;
        return { text, tokens, promptTokens: prompt, finishReason: event.reason, timings: event.timings };
      }
    }
  } finally {
    progress.clear();
  }
  // generate() ends with `finish` or throws.
  throw new InternalError('the answer ended without a finish event');
}

/** `prompt 12 tokens, 340/s · answer 100 tokens, 25.1/s · 4.0s · ended at the token limit` */
export function describeTimings({ timings, finishReason }: Answer): string {
  const { promptTokens, promptMs, promptPerSecond, predictedTokens, predictedMs, predictedPerSecond } =
    timings;
  const rate = (perSecond: number): string => (perSecond > 0 ? `, ${formatRate(perSecond)}/s` : '');
  return [
    `prompt ${formatCount(promptTokens)} tokens${rate(promptPerSecond)}`,
    `answer ${formatCount(predictedTokens)} tokens${rate(predictedPerSecond)}`,
    formatDuration(promptMs + predictedMs),
    finishReason === 'length' ? 'ended at the token limit' : 'complete',
  ].join(' · ');
}

/** Three significant digits, and never fewer than all whole ones. */
export function formatRate(perSecond: number): string {
  return perSecond >= 100 ? formatCount(perSecond) : perSecond.toFixed(perSecond >= 10 ? 1 : 2);
}
