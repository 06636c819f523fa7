import type { ChosenLogprob } from '../../engine/events.ts';
import type { ToolCallParser, ToolDelta } from '../../text/tools/tool-call-parser.ts';
import type { ChoiceEnd, Piece } from '../choice.ts';
import { RoutingPieces } from '../routing-pieces.ts';
import type { ServedModel } from '../served-model.ts';
import { ContentLogprobs } from './content-logprobs.ts';
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
  readonly tool_calls?: readonly [ToolCallDelta];
}

interface ToolCallDelta {
  readonly index: number;
  /** With the first delta of a call only, as are type and name. */
  readonly id?: string;
  readonly type?: 'function';
  readonly function: { readonly name?: string; readonly arguments: string };
}

export interface ChunkExtensions {
  readonly dots?: { readonly routing?: { readonly first: number; readonly ids: string } };
}

export interface ChatChoiceOptions {
  readonly index: number;
  readonly served: ServedModel;
  /** Where calls of tools may come. */
  readonly parser: ToolCallParser | undefined;
  readonly returnsTokens: boolean;
}

/** Turns the pieces of one answer into what chunks carry. An answer without streaming is all its chunks put together. */
export class ChatChoice {
  readonly tokens: number[] = [];
  private readonly options: ChatChoiceOptions;
  private readonly routing = new RoutingPieces();
  private newTokens: number[] = [];
  private readonly logprobs = new ContentLogprobs();

  constructor(options: ChatChoiceOptions) {
    this.options = options;
  }

  get index(): number {
    return this.options.index;
  }

  /** The first chunk says the role, and only the first. */
  start(): ChunkChoice {
    return this.choice({ role: 'assistant', content: '' });
  }

  /** Shows nothing; goes with news of another kind. */
  progress(): ChunkChoice {
    return this.choice({});
  }

  /** What a piece makes certain: nothing yet, some content, or parts of calls. */
  push(piece: Piece): readonly ChunkChoice[] {
    const { text, token, logprobs } = piece;
    const { parser, returnsTokens } = this.options;
    if (token !== undefined) {
      this.tokens.push(token);
      if (returnsTokens) this.newTokens.push(token);
    }
    this.routing.add(piece.experts);
    if (!parser) {
      const isSilent = text === '' && !logprobs?.length;
      return isSilent ? [] : [this.choice({ content: text }, logprobs)];
    }
    this.logprobs.push(logprobs);
    return parser.push(text).map((delta) => this.parsed(delta));
  }

  /** What was held back because it might have become a call. */
  flush(end: ChoiceEnd): readonly ChunkChoice[] {
    const { parser, served } = this.options;
    if (!parser) return [];
    const rest = parser.finish(served.wasCut(end)).map((delta) => this.parsed(delta));
    for (const call of parser.calls) served.callMemory.remember(call);
    return rest;
  }

  /** The last chunk has no content, only why the answer ended. */
  finish(end: ChoiceEnd): ChunkChoice {
    const { parser } = this.options;
    const hasCalls = parser !== undefined && parser.calls.length > 0 && !parser.isInsideCall;
    return this.choice({}, undefined, hasCalls && end.reason === 'stop' ? 'tool_calls' : end.reason);
  }

  /** What belongs next to the last choice. */
  extensions(): ChunkExtensions | undefined {
    const routing = this.routing.take();
    return routing && { dots: { routing } };
  }

  private parsed(delta: ToolDelta): ChunkChoice {
    if (delta.type === 'content') return this.choice({ content: delta.text }, this.logprobs.take(delta.text));
    const { index } = delta;
    if (delta.type === 'call-arguments')
      return this.choice({ tool_calls: [{ index, function: { arguments: delta.text } }] });
    const { id, name } = delta;
    return this.choice({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] });
  }

  private choice(
    delta: Delta,
    logprobs?: readonly ChosenLogprob[],
    finishReason: string | null = null,
  ): ChunkChoice {
    const tokens = this.newTokens;
    if (tokens.length > 0) this.newTokens = [];
    return {
      index: this.options.index,
      delta,
      logprobs:
        logprobs && logprobs.length > 0 ? chatLogprobs(logprobs, this.options.served.tokenizer) : null,
      finish_reason: finishReason,
      ...(tokens.length > 0 && { token_ids: tokens }),
    };
  }
}
