import type { Tokenizer } from '../../text/tokenizer.ts';
import type { ChoiceEnd, Piece } from '../choice.ts';
import { RoutingPieces } from '../routing-pieces.ts';
import { chatLogprobs } from './logprobs.ts';

/** One entry of `choices` in a chunk. */
export interface ChunkChoice {
  readonly index: number;
  readonly delta: Delta;
  readonly logprobs: { readonly content: readonly object[]; readonly refusal: null } | null;
  readonly finish_reason: string | null;
  readonly token_ids?: readonly number[];
}

export interface Delta {
  readonly role?: 'assistant';
  readonly content?: string;
}

export interface ChunkExtensions {
  readonly dots?: { readonly routing?: { readonly first: number; readonly ids: string } };
}

/** Turns the pieces of one answer into what chunks carry. An answer in one piece is all its chunks put together. */
export class ChatChoice {
  readonly index: number;
  readonly tokens: number[] = [];
  private readonly tokenizer: Tokenizer;
  private readonly returnsTokens: boolean;
  private readonly routing = new RoutingPieces();
  private newTokens: number[] = [];

  constructor(index: number, tokenizer: Tokenizer, returnsTokens: boolean) {
    this.index = index;
    this.tokenizer = tokenizer;
    this.returnsTokens = returnsTokens;
  }

  /** The first chunk says the role, and only the first. */
  start(): ChunkChoice {
    return this.choice({ role: 'assistant', content: '' });
  }

  /** Shows nothing; goes with news of another kind. */
  progress(): ChunkChoice {
    return this.choice({});
  }

  /** A piece that shows nothing yet gives no chunk. */
  push(piece: Piece): ChunkChoice | undefined {
    if (piece.token !== undefined) {
      this.tokens.push(piece.token);
      if (this.returnsTokens) this.newTokens.push(piece.token);
    }
    this.routing.add(piece.experts);
    const hasLogprobs = piece.logprobs !== undefined && piece.logprobs.length > 0;
    if (piece.text === '' && !hasLogprobs) return undefined;
    return this.choice({ content: piece.text }, piece);
  }

  /** The last chunk has no content, only why the answer ended. */
  finish(end: ChoiceEnd): ChunkChoice {
    return this.choice({}, undefined, end.reason);
  }

  /** What belongs beside the choice that was given last. */
  extensions(): ChunkExtensions {
    const routing = this.routing.take();
    return routing ? { dots: { routing } } : {};
  }

  private choice(delta: Delta, piece?: Piece, finishReason: string | null = null): ChunkChoice {
    const tokens = this.newTokens;
    if (tokens.length > 0) this.newTokens = [];
    return {
      index: this.index,
      delta,
      logprobs: piece?.logprobs ? chatLogprobs(piece.logprobs, this.tokenizer) : null,
      finish_reason: finishReason,
      ...(tokens.length > 0 && { token_ids: tokens }),
    };
  }
}

/** Puts the chunks of one choice together to the `choices` entry of an answer in one piece. */
export class WholeChoice {
  private readonly index: number;
  private content = '';
  private readonly logprobs: object[] = [];
  private readonly tokenIds: number[] = [];
  private readonly wantsLogprobs: boolean;
  private finishReason = '';

  constructor(index: number, wantsLogprobs: boolean) {
    this.index = index;
    this.wantsLogprobs = wantsLogprobs;
  }

  add({ delta, logprobs, token_ids, finish_reason }: ChunkChoice): void {
    if (finish_reason !== null) this.finishReason = finish_reason;
    this.content += delta.content ?? '';
    if (logprobs) this.logprobs.push(...logprobs.content);
    if (token_ids) this.tokenIds.push(...token_ids);
  }

  result(returnsTokens: boolean): object {
    return {
      index: this.index,
      message: { role: 'assistant', content: this.content, refusal: null },
      logprobs: this.wantsLogprobs ? { content: this.logprobs, refusal: null } : null,
      finish_reason: this.finishReason,
      ...(returnsTokens && { token_ids: this.tokenIds }),
    };
  }
}
