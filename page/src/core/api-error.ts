/** What the server said, or that it said nothing. `code` is stable; `message` is made for people. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly details: ApiErrorDetails;

  constructor(message: string, code: string, status: number, details: ApiErrorDetails = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.details = details;
  }
}

export interface ApiErrorDetails {
  /** When the server wants to be asked again. */
  readonly retryAfterMs?: number;
  /** Of a prompt that is longer than the context: its tokens, and how many there may be. */
  readonly promptTokens?: number;
  readonly contextLength?: number;
}

export interface WireError {
  readonly message?: unknown;
  readonly code?: unknown;
  readonly n_prompt_tokens?: unknown;
  readonly n_ctx?: unknown;
}

export function errorFrom(wire: WireError, status: number, headers?: Headers): ApiError {
  const { message, code, n_prompt_tokens: promptTokens, n_ctx: contextLength } = wire;
  const told = typeof message === 'string' && message !== '' ? message : undefined;
  const retryAfterMs = headers && retryAfter(headers, Date.now());
  // llama-server says only this while it loads a model.
  const isLoading = status === 503 && /^loading model/i.test(told ?? '');
  return new ApiError(
    told ?? `The server answered with status ${status}`,
    isLoading ? 'model_loading' : typeof code === 'string' ? code : `http_${status}`,
    status,
    {
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(typeof promptTokens === 'number' && { promptTokens }),
      ...(typeof contextLength === 'number' && { contextLength }),
    },
  );
}

/** Milliseconds until the server wants to be asked again: `retry-after` is in seconds or a date. */
export function retryAfter(headers: Headers, nowMs: number): number | undefined {
  const inMs = headers.get('retry-after-ms');
  const inSeconds = headers.get('retry-after');
  if (isNumber(inMs)) return Number(inMs);
  if (isNumber(inSeconds)) return 1000 * Number(inSeconds);
  const date = Date.parse(inSeconds ?? '');
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

function isNumber(text: string | null): text is string {
  return text !== null && /^\d+(\.\d+)?$/.test(text.trim());
}

/** What came is not what the API promises: another program answers, or something in between changed it. */
export function badReply(what: string, found: string, status: number): ApiError {
  const shown = found.length <= SHOWN ? found : `${found.slice(0, SHOWN)}…`;
  return new ApiError(`${what}: ${shown}`, 'bad_reply', status);
}

const SHOWN = 120;
