import { InternalError } from '../core/errors.ts';
import type { FinishEvent, GenerateEvent, Timings } from '../engine/events.ts';
import type { Prepared } from '../engine/generate.ts';
import type { RequestRecord } from './request-record.ts';

/** How one answer ended. */
export interface ChoiceEnd {
  readonly reason: FinishEvent['reason'];
  readonly timings: Timings;
  readonly cachedTokens: number;
  /** The end token, if there was one, included. */
  readonly completionTokens: number;
}

type TokenDelta = Extract<GenerateEvent, { type: 'token-delta' }>;

export interface ChoiceSink {
  /** Text that has become certain, and the token that it came with; undefined for what was held back to the end. */
  onText(text: string, event: TokenDelta | undefined): void | Promise<void>;
  /** Part of the prompt has been read. */
  onPromptProgress?(done: number, total: number): void;
  onPromptEnd?(): void;
}

/** Run one generation to its end, telling the sink of each piece and the record of what is measured. */
export async function runChoice(
  prepared: Prepared,
  record: RequestRecord,
  sink: ChoiceSink,
): Promise<ChoiceEnd> {
  let cachedTokens = 0;
  let numTokens = 0;
  let lastMs: number | undefined;
  let isAdmitted = false;
  for await (const event of prepared.run()) {
    if (event.type === 'token-delta') {
      numTokens++;
      lastMs = record.onToken(lastMs);
      const waiting = sink.onText(event.text, event);
      if (waiting) await waiting;
    } else if (event.type === 'prompt-progress') {
      if (!isAdmitted) record.onAdmitted();
      isAdmitted = true;
      sink.onPromptProgress?.(event.done, event.total);
    } else if (event.type === 'prompt-end') {
      cachedTokens = event.cachedTokens;
      record.onPromptEnd(event.promptTokens, cachedTokens);
      sink.onPromptEnd?.();
    } else {
      if (event.text !== '') await sink.onText(event.text, undefined);
      const completionTokens = numTokens + (typeof event.stoppedBy === 'number' ? 1 : 0);
      record.onChoiceEnd(event.reason, completionTokens, event.timings.promptPerSecond);
      return { reason: event.reason, timings: event.timings, cachedTokens, completionTokens };
    }
  }
  throw new InternalError('the answer ended without a finish event');
}
