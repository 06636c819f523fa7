import type { ChosenLogprob } from '../../engine/events.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import type { ChoiceEnd, Piece } from '../choice.ts';
import { RoutingPieces } from '../routing-pieces.ts';
import { type CompletionLogprobs, CompletionLogprobWriter, emptyCompletionLogprobs } from './logprobs.ts';

/** One entry of `choices`, in a chunk or in a whole answer. */
export interface TextChoice {
  readonly index: number;
  readonly text: string;
  readonly logprobs: CompletionLogprobs | null;
  readonly finish_reason: string | null;
  readonly token_ids?: readonly number[];
}

export interface TextChoiceOptions {
  readonly index: number;
  readonly prompt: readonly number[];
  readonly echo: boolean;
  readonly wantsLogprobs: boolean;
  readonly returnsTokens: boolean;
  /** Undefined for a model without one, whose text is empty. */
  readonly tokenizer: Tokenizer | undefined;
}

/** Turns the pieces of one plain completion into `choices` entries. */
export class CompletionChoice {
  readonly tokens: number[] = [];
  private readonly options: TextChoiceOptions;
  private readonly writer: CompletionLogprobWriter | undefined;
  private readonly routing = new RoutingPieces();
  private newTokens: number[] = [];

  constructor(options: TextChoiceOptions) {
    this.options = options;
    if (options.wantsLogprobs && options.tokenizer)
      this.writer = new CompletionLogprobWriter(options.tokenizer);
  }

  get index(): number {
    return this.options.index;
  }

  /** The prompt itself, if it was to be echoed. */
  echo(promptLogprobs: readonly (ChosenLogprob | null)[] | undefined): TextChoice | undefined {
    const { echo, prompt, tokenizer } = this.options;
    if (!echo || !tokenizer) return undefined;
    const logprobs = emptyCompletionLogprobs();
    prompt.forEach((token, i) => {
      // The text has control tokens as they are written, so their entries have these bytes too.
      const bytes = tokenizer.decodeBytes(token);
      const entry = promptLogprobs?.[i];
      this.writer?.add(logprobs, entry ? { ...entry, bytes } : { token, bytes, logprob: null });
    });
    return this.choice(tokenizer.decode(prompt), this.writer ? logprobs : null);
  }

  push(piece: Piece): TextChoice | undefined {
    if (piece.token !== undefined) {
      this.tokens.push(piece.token);
      if (this.options.returnsTokens) this.newTokens.push(piece.token);
    }
    this.routing.add(piece.experts);
    const isSilent = piece.text === '' && !piece.logprobs?.length && this.options.tokenizer !== undefined;
    return isSilent ? undefined : this.choice(piece.text, this.wireLogprobs(piece));
  }

  finish(end: ChoiceEnd): TextChoice {
    return this.choice('', null, end.reason);
  }

  /** What belongs next to the last choice. */
  extensions(): { readonly dots?: object } {
    const routing = this.routing.take();
    return routing ? { dots: { routing } } : {};
  }

  private wireLogprobs({ logprobs }: Piece): CompletionLogprobs | null {
    if (!this.writer || !logprobs) return null;
    const wire = emptyCompletionLogprobs();
    for (const entry of logprobs) this.writer.add(wire, entry);
    return wire;
  }

  private choice(
    text: string,
    logprobs: CompletionLogprobs | null,
    finishReason: string | null = null,
  ): TextChoice {
    const tokens = this.newTokens;
    if (tokens.length > 0) this.newTokens = [];
    return {
      index: this.options.index,
      text,
      logprobs,
      finish_reason: finishReason,
      ...(tokens.length > 0 && { token_ids: tokens }),
    };
  }
}

/** Entries of one choice, put together. */
export function joinChoices(parts: readonly TextChoice[], wantsLogprobs: boolean): TextChoice {
  const logprobs = emptyCompletionLogprobs();
  const tokenIds: number[] = [];
  for (const part of parts) {
    tokenIds.push(...(part.token_ids ?? []));
    if (!part.logprobs) continue;
    logprobs.tokens.push(...part.logprobs.tokens);
    logprobs.token_logprobs.push(...part.logprobs.token_logprobs);
    logprobs.top_logprobs.push(...part.logprobs.top_logprobs);
    logprobs.text_offset.push(...part.logprobs.text_offset);
  }
  return {
    index: parts[0].index,
    text: parts.map(({ text }) => text).join(''),
    logprobs: wantsLogprobs ? logprobs : null,
    finish_reason: parts.at(-1)?.finish_reason ?? null,
    ...(tokenIds.length > 0 && { token_ids: tokenIds }),
  };
}
