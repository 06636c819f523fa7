import { InternalError } from '../core/errors.ts';
import type { ChosenLogprob, FinishReason, PromptEndEvent, Timings } from '../engine/events.ts';
import type { Prepared } from '../engine/generate.ts';
import type { ExpertIds } from '../engine/routing.ts';
import type { RequestRecord } from './request-record.ts';

/** What becomes certain at once: text, perhaps none, and what was requested with it. */
export interface Piece {
  readonly text: string;
  readonly token: number;
  readonly logprobs: readonly ChosenLogprob[] | undefined;
  readonly experts: ExpertIds | undefined;
}

/** How one answer ended. */
export interface ChoiceEnd {
  readonly reason: FinishReason;
  readonly timings: Timings;
  readonly cachedTokens: number;
  /** The end token, if there was one, included. */
  readonly completionTokens: number;
  readonly stoppedBy: number | string | undefined;
}

export interface ChoiceSink {
  onPiece(piece: Piece): void | Promise<void>;
  /** Part of the prompt has been read. */
  onPromptProgress?(done: number, total: number): void | Promise<void>;
  onPromptEnd?(event: PromptEndEvent): void | Promise<void>;
  onEnd?(end: ChoiceEnd): void | Promise<void>;
}

/** Run one generation to its end, passing each piece to the sink and measurements to the record. */
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
    // Most pieces need no waiting, and waiting for nothing would cost a turn of the event loop for each token.
    let waiting: void | Promise<void>;
    if (event.type === 'token-delta') {
      numTokens++;
      lastMs = record.onToken(lastMs);
      const { text, token, logprobs, experts } = event;
      waiting = sink.onPiece({ text, token, logprobs, experts });
    } else if (event.type === 'prompt-progress') {
      if (!isAdmitted) record.onAdmitted();
      isAdmitted = true;
      waiting = sink.onPromptProgress?.(event.done, event.total);
    } else if (event.type === 'prompt-end') {
      cachedTokens = event.cachedTokens;
      record.onPromptEnd(event.promptTokens, cachedTokens);
      waiting = sink.onPromptEnd?.(event);
    } else {
      const { reason, timings, stoppedBy } = event;
      const completionTokens = numTokens + (typeof stoppedBy === 'number' ? 1 : 0);
      record.onChoiceEnd(reason, completionTokens - numTokens, timings.promptPerSecond);
      const end: ChoiceEnd = { reason, timings, cachedTokens, completionTokens, stoppedBy };
      await sink.onEnd?.(end);
      return end;
    }
    if (waiting) await waiting;
  }
  throw new InternalError('the answer ended without a finish event');
}

/**
 * Several answers to one prompt. The first reads the prompt; the others begin when that is done, and find it in the cache.
 */
export async function runChoices(
  prepared: readonly Prepared[],
  record: RequestRecord,
  sinkOf: (index: number) => ChoiceSink,
): Promise<ChoiceEnd[]> {
  if (prepared.length === 1) return [await runChoice(prepared[0], record, sinkOf(0))];
  let onRead: () => void = () => {};
  const isRead = new Promise<void>((resolve) => {
    onRead = resolve;
  });
  const first = sinkOf(0);
  const leader = runChoice(prepared[0], record, {
    ...first,
    onPromptEnd: (event) => {
      onRead();
      return first.onPromptEnd?.(event);
    },
  });
  // If the first fails there is nothing to wait for; the error is reported below.
  leader.then(onRead, onRead);
  await isRead;
  return Promise.all([leader, ...prepared.slice(1).map((one, i) => runChoice(one, record, sinkOf(i + 1)))]);
}
