import { notNumbers } from './check-logits.ts';
import { checkPrompt } from './generate.ts';
import type { Loop } from './loop.ts';
import type { LoopRequest } from './loop-request.ts';

export interface EmbedOptions {
  /** Who asks: a client with many requests does not keep others from their turn. */
  readonly client?: string;
  readonly signal?: AbortSignal;
}

/**
 * A vector for a text, of length 1: the mean of what the output matrix would multiply, the final hidden states after the last
 * norm, over all of its tokens. The same bits alone and among others. Throws `UsageError` for sequences that do not fit,
 * `FormatError` (`not-a-number`) where a hidden state is NaN or infinite.
 */
export async function embed(
  context: {
    readonly loop: Loop;
    readonly vocabSize: number;
    readonly contextLength: number;
    readonly config: { readonly hiddenSize: number };
  },
  tokens: readonly number[],
  { client, signal }: EmbedOptions = {},
): Promise<Float32Array> {
  checkPrompt(tokens, context.vocabSize, context.contextLength);
  signal?.throwIfAborted();
  const sum_D = await new Promise<Float64Array>((resolve, reject) => {
    context.loop.add(
      new Embedding(tokens, new Float64Array(context.config.hiddenSize), {
        client,
        signal,
        onEnd: (sum, error) => (sum ? resolve(sum) : reject(error)),
      }),
    );
  });
  // The mean has the direction of the sum.
  const length = Math.sqrt(sum_D.reduce((all, value) => all + value * value, 0));
  if (!Number.isFinite(length)) throw notNumbers('embed a text', 'hidden states');
  return Float32Array.from(sum_D, (value) => (length > 0 ? value / length : 0));
}

class Embedding implements LoopRequest {
  readonly firstLogits = 0;
  readonly wantsHidden = true;
  readonly tokens: readonly number[];
  readonly client: string | undefined;
  readonly signal: AbortSignal | undefined;
  private readonly sum_D: Float64Array;
  private readonly done: (sum_D: Float64Array | undefined, error?: unknown) => void;
  private next = 0;

  constructor(
    tokens: readonly number[],
    sum_D: Float64Array,
    options: {
      readonly client: string | undefined;
      readonly signal: AbortSignal | undefined;
      readonly onEnd: (sum_D: Float64Array | undefined, error?: unknown) => void;
    },
  ) {
    this.tokens = tokens;
    this.sum_D = sum_D;
    this.client = options.client;
    this.signal = options.signal;
    this.done = options.onEnd;
  }

  onProgress(): void {}

  onLogits(position: number, hidden_D: Float32Array): boolean {
    // After a restart the beginning comes again; it is the same to the bit.
    if (position === this.next) {
      for (let d = 0; d < hidden_D.length; d++) this.sum_D[d] += hidden_D[d];
      this.next++;
    }
    return this.next < this.tokens.length;
  }

  onStep(): void {}

  onEnd(error?: unknown): void {
    this.done(this.next === this.tokens.length ? this.sum_D : undefined, error);
  }
}
