import { ApiError, badReply, errorFrom, type WireError } from './api-error.ts';
import type { ExchangeLog } from './exchanges.ts';
import { bytesFromBase64, type ExpertLayout } from './recording.ts';
import { type Recommended, SAMPLING_FIELDS, SAMPLING_KEYS } from './sampling.ts';
import { readEvents } from './sse.ts';
import { NUM_ALTERNATIVES, type TokenChance, type TokenChoice } from './token-odds.ts';

export interface ModelInfo {
  readonly id: string;
  readonly contextLength: number | undefined;
}

/** What the server has counted since it was started. */
export interface ServerExperts {
  readonly layout: ExpertLayout;
  readonly numTokens: number;
  readonly counts: Float64Array;
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly fields: Readonly<Record<string, unknown>>;
  readonly routing: boolean;
  /** Send the most likely tokens in the place of each. */
  readonly odds: boolean;
  /** The last message is an answer, which the model continues. */
  readonly continues: boolean;
}

export interface Usage {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly answerTokens: number;
}

/** One piece of the stream; whatever it did not bring is absent. */
export interface ChatChunk {
  readonly text: string;
  readonly reasoning?: string;
  /** Pieces of calls, to be joined by their index. */
  readonly toolCalls?: readonly {
    readonly index: number;
    readonly name: string;
    readonly arguments: string;
  }[];
  readonly routing?: Uint8Array;
  readonly choices?: readonly TokenChoice[];
  readonly finishReason?: string;
  readonly usage?: Usage;
  readonly seed?: number;
  readonly tokensPerSecond?: number;
  readonly promptTokensPerSecond?: number;
  readonly promptProgress?: { readonly done: number; readonly total: number };
}

/** What others need of the client; tests have their own. */
export type ApiClient = Pick<Api, keyof Api>;

/** Few enough for most languages: a prompt that is estimated too long is only cut more than it had to be. */
const CHARACTERS_PER_TOKEN = 2;

export class Api {
  private readonly base: string;
  private readonly key: () => string;

  /** `base` is the address of the page; the server may be mounted under any path. */
  constructor(base: string, key: () => string) {
    this.base = base;
    this.key = key;
  }

  async models(signal?: AbortSignal): Promise<readonly ModelInfo[]> {
    const list = await this.json<{ data: { id: string; max_model_len?: number }[] }>('v1/models', signal);
    if (!Array.isArray(list?.data)) throw badReply('This is not a list of models', JSON.stringify(list), 200);
    return list.data.map(({ id, max_model_len }) => ({ id, contextLength: max_model_len }));
  }

  /** Undefined where the server or the model has no experts. */
  async experts(): Promise<ServerExperts | undefined> {
    try {
      const found = await this.json<{
        num_experts: number;
        num_experts_per_token: number;
        tokens: number;
        layers: { layer: number; counts: number[] }[];
      }>('dots/experts');
      if (!(found?.layers?.length > 0)) return undefined;
      return {
        layout: {
          layers: found.layers.map(({ layer }) => layer),
          numExperts: found.num_experts,
          numChosen: found.num_experts_per_token,
        },
        numTokens: found.tokens,
        counts: Float64Array.from(found.layers.flatMap(({ counts }) => counts)),
      };
    } catch {
      return undefined;
    }
  }

  /** What the server says about its model; undefined where it says nothing. */
  async props(): Promise<unknown> {
    return this.json('props').catch(() => undefined);
  }

  /** Empty where the server does not say. */
  async recommended(): Promise<Recommended> {
    const props = (await this.props()) as { sampling_defaults?: Record<string, unknown> } | undefined;
    const defaults = props?.sampling_defaults ?? {};
    return Object.fromEntries(
      SAMPLING_KEYS.flatMap((key) => {
        const value = defaults[SAMPLING_FIELDS[key].wire];
        return typeof value === 'number' ? [[key, value]] : [];
      }),
    );
  }

  /** Tokens of the prompt that messages become; an estimate where the server does not count. */
  async countTokens(model: string, messages: readonly ChatMessage[], signal: AbortSignal): Promise<number> {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      signal,
      body: JSON.stringify({ model, messages }),
    };
    try {
      const { count } = (await (await this.request('tokenize', init)).json()) as { count?: unknown };
      if (typeof count === 'number') return count;
    } catch (error) {
      if (signal.aborted) throw error;
      // What is far too long is refused, with the number.
      const { promptTokens } = error instanceof ApiError ? error.details : {};
      if (promptTokens !== undefined) return promptTokens;
    }
    const size = messages.reduce((sum, { content }) => sum + content.length, 0);
    return Math.ceil(size / CHARACTERS_PER_TOKEN);
  }

  async *chat(
    request: ChatRequest,
    signal: AbortSignal,
    log?: ExchangeLog,
  ): AsyncGenerator<ChatChunk, void, undefined> {
    const path = 'v1/chat/completions';
    const body = JSON.stringify({
      model: request.model,
      messages: request.messages,
      ...request.fields,
      stream: true,
      stream_options: { include_usage: true },
      return_progress: true,
      ...(request.routing && { dots: { routing: true } }),
      ...(request.odds && { logprobs: true, top_logprobs: NUM_ALTERNATIVES }),
      ...(request.continues && { continue_final_message: true, add_generation_prompt: false }),
    });
    log?.onRequest(new URL(path, this.base).href, body, this.key() !== '');
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, signal, body };
    const response = await this.request(path, init, log);
    if (!response.body) throw new ApiError('The server sent no answer', 'no_body', response.status);
    const events = readEvents(response.body);
    let isFinished = false;
    for (;;) {
      const { done, value: data } = await events.next().catch((error: unknown) => {
        throw signal.aborted ? error : cutOff();
      });
      if (data !== undefined) log?.onPayload(data);
      if (data === '[DONE]') return;
      if (done) break;
      const read = readChunk(data, response.status);
      isFinished ||= read.finishReason !== undefined;
      yield read;
    }
    if (!isFinished) throw cutOff();
  }

  private async json<T>(path: string, signal?: AbortSignal): Promise<T> {
    const response = await this.request(path, { signal: signal ?? null });
    const text = await response.text().catch((error: unknown) => {
      throw signal?.aborted ? error : cutOff();
    });
    return parsed(text, response.status) as T;
  }

  private async request(path: string, init: RequestInit, log?: ExchangeLog): Promise<Response> {
    const key = this.key();
    const headers = new Headers(init.headers);
    if (key !== '') headers.set('authorization', `Bearer ${key}`);
    let response: Response;
    try {
      response = await fetch(new URL(path, this.base), { ...init, headers });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ApiError('The server cannot be reached', 'unreachable', 0);
    }
    if (response.ok) return response;
    const text = await response.text().catch(() => '');
    log?.onPayload(text);
    throw errorFrom(errorIn(text), response.status, response.headers);
  }
}

function cutOff(): ApiError {
  return new ApiError('The connection ended in the middle of the answer', 'cut_off', 0);
}

interface WireChance {
  readonly token: string;
  readonly logprob: number;
  readonly bytes?: readonly number[] | null;
}

interface WireChoice extends WireChance {
  readonly top_logprobs?: readonly WireChance[];
}

interface WireToolCall {
  readonly index?: number;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

interface WireChunk {
  readonly error?: WireError;
  readonly choices?: readonly {
    readonly delta?: {
      readonly content?: string | null;
      readonly reasoning_content?: string | null;
      readonly tool_calls?: readonly WireToolCall[] | null;
    };
    readonly logprobs?: { readonly content?: readonly WireChoice[] | null } | null;
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number };
  } | null;
  readonly timings?: { readonly predicted_per_second?: number; readonly prompt_per_second?: number };
  readonly prompt_progress?: { readonly processed?: number; readonly total?: number };
  readonly dots?: { readonly routing?: { readonly ids: string }; readonly seed?: number };
}

/** Proxies answer with pages, which say nothing. */
function errorIn(text: string): WireError {
  try {
    return (JSON.parse(text) as { error?: WireError } | null)?.error ?? {};
  } catch {
    return {};
  }
}

function parsed(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badReply('This is not JSON', text, status);
  }
}

/** A chunk of the stream. Throws an `ApiError` for the server's own errors and for what is not a chunk. */
function readChunk(data: string, status: number): ChatChunk {
  const chunk = parsed(data, status) as WireChunk | null;
  if (chunk?.error) throw errorFrom(chunk.error, status);
  try {
    return fromWire(chunk as WireChunk);
  } catch {
    throw badReply('This is not a part of an answer', data, status);
  }
}

function fromWire({
  choices: answers,
  usage,
  timings,
  prompt_progress: progress,
  dots,
}: WireChunk): ChatChunk {
  const choice = answers?.[0];
  const { predicted_per_second: rate, prompt_per_second: promptRate } = timings ?? {};
  const choices = choice?.logprobs?.content;
  const { reasoning_content: reasoning, tool_calls: calls } = choice?.delta ?? {};
  return {
    text: String(choice?.delta?.content ?? ''),
    ...(reasoning && { reasoning: String(reasoning) }),
    ...(calls && {
      toolCalls: calls.map((call, i) => ({
        index: call.index ?? i,
        name: String(call.function?.name ?? ''),
        arguments: String(call.function?.arguments ?? ''),
      })),
    }),
    ...(typeof dots?.seed === 'number' && { seed: dots.seed }),
    ...(dots?.routing && { routing: bytesFromBase64(dots.routing.ids) }),
    ...(choices && { choices: choices.map(choiceFrom) }),
    ...(choice?.finish_reason && { finishReason: choice.finish_reason }),
    ...(usage && {
      usage: {
        promptTokens: usage.prompt_tokens,
        cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
        answerTokens: usage.completion_tokens,
      },
    }),
    ...(rate !== undefined && { tokensPerSecond: rate }),
    ...(promptRate !== undefined && { promptTokensPerSecond: promptRate }),
    ...(progress?.total !== undefined && {
      promptProgress: { done: progress.processed ?? 0, total: progress.total },
    }),
  };
}

function choiceFrom(choice: WireChoice): TokenChoice {
  return { ...chanceFrom(choice), top: (choice.top_logprobs ?? []).map(chanceFrom) };
}

/** A part of a character is shown by its bytes. */
function chanceFrom({ token, logprob, bytes }: WireChance): TokenChance {
  const isPart = token.includes('\ufffd') && bytes;
  const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0');
  return { text: isPart ? `<${bytes.map(hex).join(' ')}>` : token, logprob };
}
