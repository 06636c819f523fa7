import { bytesFromBase64, type ExpertLayout } from './recording.ts';
import { readEvents } from './sse.ts';

/** What the server said, or that it said nothing. `code` is stable; `message` is made for people. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(message: string, code: string, status: number) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

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
}

export interface Usage {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly answerTokens: number;
}

/** One piece of the stream; whatever it did not bring is absent. */
export interface ChatChunk {
  readonly text: string;
  readonly routing?: Uint8Array;
  readonly finishReason?: string;
  readonly usage?: Usage;
  readonly tokensPerSecond?: number;
  readonly promptProgress?: { readonly done: number; readonly total: number };
}

export class Api {
  private readonly base: string;
  private readonly key: () => string;

  /** `base` is the address of the page; the server may be mounted under any path. */
  constructor(base: string, key: () => string) {
    this.base = base;
    this.key = key;
  }

  async models(signal?: AbortSignal): Promise<readonly ModelInfo[]> {
    const response = await this.request('v1/models', { signal: signal ?? null });
    const { data } = (await response.json()) as { data: { id: string; max_model_len?: number }[] };
    return data.map(({ id, max_model_len }) => ({ id, contextLength: max_model_len }));
  }

  /** Undefined where the server or the model has no experts. */
  async experts(): Promise<ServerExperts | undefined> {
    try {
      const response = await this.request('dots/experts', {});
      const found = (await response.json()) as {
        num_experts: number;
        num_experts_per_token: number;
        tokens: number;
        layers: { layer: number; counts: number[] }[];
      };
      if (!(found.layers?.length > 0)) return undefined;
      return {
        layout: {
          layers: found.layers.map(({ layer }) => layer),
          numExperts: found.num_experts,
          numChosen: found.num_experts_per_token,
        },
        numTokens: found.tokens,
        counts: Float64Array.from(found.layers.flatMap(({ counts }) => counts)),
      };
    } catch (error) {
      if (error instanceof ApiError) return undefined;
      throw error;
    }
  }

  async *chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatChunk, void, undefined> {
    const response = await this.request('v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      signal,
      body: JSON.stringify({
        model: request.model,
        messages: request.messages,
        ...request.fields,
        stream: true,
        stream_options: { include_usage: true },
        return_progress: true,
        ...(request.routing && { dots: { routing: true } }),
      }),
    });
    if (!response.body) throw new ApiError('The server sent no answer', 'no_body', response.status);
    const events = readEvents(response.body);
    let isFinished = false;
    for (;;) {
      const { done, value: data } = await events.next().catch((error: unknown) => {
        throw signal.aborted ? error : cutOff();
      });
      if (data === '[DONE]') return;
      if (done) break;
      const chunk = JSON.parse(data) as WireChunk;
      if (chunk.error) throw errorFrom(chunk.error, response.status);
      const read = readChunk(chunk);
      isFinished ||= read.finishReason !== undefined;
      yield read;
    }
    if (!isFinished) throw cutOff();
  }

  private async request(path: string, init: RequestInit): Promise<Response> {
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
    const body = (await response.json().catch(() => undefined)) as { error?: WireError } | undefined;
    throw errorFrom(body?.error ?? {}, response.status);
  }
}

function cutOff(): ApiError {
  return new ApiError('The connection ended in the middle of the answer', 'cut_off', 0);
}

interface WireError {
  readonly message?: string;
  readonly code?: string | null;
}

interface WireChunk {
  readonly error?: WireError;
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number };
  } | null;
  readonly timings?: { readonly predicted_per_second?: number };
  readonly prompt_progress?: { readonly processed?: number; readonly total?: number };
  readonly dots?: { readonly routing?: { readonly ids: string } };
}

function errorFrom({ message, code }: WireError, status: number): ApiError {
  return new ApiError(
    message ?? `The server answered with status ${status}`,
    code ?? `http_${status}`,
    status,
  );
}

function readChunk({ choices, usage, timings, prompt_progress: progress, dots }: WireChunk): ChatChunk {
  const choice = choices?.[0];
  const rate = timings?.predicted_per_second;
  return {
    text: choice?.delta?.content ?? '',
    ...(dots?.routing && { routing: bytesFromBase64(dots.routing.ids) }),
    ...(choice?.finish_reason && { finishReason: choice.finish_reason }),
    ...(usage && {
      usage: {
        promptTokens: usage.prompt_tokens,
        cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
        answerTokens: usage.completion_tokens,
      },
    }),
    ...(rate !== undefined && { tokensPerSecond: rate }),
    ...(progress?.total !== undefined && {
      promptProgress: { done: progress.processed ?? 0, total: progress.total },
    }),
  };
}
