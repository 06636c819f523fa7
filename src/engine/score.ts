import { EventQueue } from './event-queue.ts';
import { checkPrompt } from './generate.ts';
import type { Loop } from './loop.ts';
import type { LoopRequest } from './loop-request.ts';

export interface PositionLogits {
  readonly position: number;
  /** A view of the step's logits; it stays valid, but keeps the whole step in memory. */
  readonly logits_V: Float32Array;
}

/**
 * Raw logits of a token sequence, position by position from `first` on (0 for all, `tokens.length - 1` for the last).
 * Throws `UsageError` for sequences that do not fit.
 */
export async function* score(
  context: { readonly loop: Loop; readonly vocabSize: number; readonly contextLength: number },
  tokens: readonly number[],
  first: number,
  signal?: AbortSignal,
): AsyncGenerator<PositionLogits, void, undefined> {
  checkPrompt(tokens, context.vocabSize, context.contextLength);
  signal?.throwIfAborted();
  const left = new AbortController();
  const request = new Scoring(tokens, first, signal ? AbortSignal.any([signal, left.signal]) : left.signal);
  context.loop.add(request);
  try {
    yield* request.events.read();
  } finally {
    left.abort();
  }
}

class Scoring implements LoopRequest {
  readonly tokens: readonly number[];
  readonly firstLogits: number;
  readonly signal: AbortSignal;
  readonly events = new EventQueue<PositionLogits>();
  private next: number;

  constructor(tokens: readonly number[], firstLogits: number, signal: AbortSignal) {
    this.tokens = [...tokens];
    this.firstLogits = firstLogits;
    this.next = firstLogits;
    this.signal = signal;
  }

  onProgress(): void {}

  onLogits(position: number, logits_V: Float32Array): boolean {
    // After a restart the beginning comes again; it is the same to the bit and has been delivered.
    if (position === this.next) {
      this.events.push({ position, logits_V });
      this.next++;
    }
    return this.next < this.tokens.length;
  }

  onStep(): void {
    this.events.flush();
  }

  onEnd(error?: unknown): void {
    this.events.end(error);
  }
}
