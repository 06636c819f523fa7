import {
  type DotsError,
  FormatError,
  InternalError,
  ResourceError,
  UnsupportedError,
  UsageError,
} from '../core/errors.ts';

export interface ApiErrorDetails {
  readonly status: number;
  /** As OpenAI names them: `invalid_request_error`, `server_error`. */
  readonly type: string;
  readonly code: string;
  /** The field of the request that is wrong: `messages[2].content`. */
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Fields in addition to the usual four that clients read. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** The error that a client receives; `error-shapes.ts` formats it. Made from the six errors, or by the server itself. */
export class ApiError extends Error {
  readonly details: ApiErrorDetails;

  constructor(message: string, details: ApiErrorDetails) {
    // It may quote a request, which may be long.
    super(shortened(message));
    this.name = 'ApiError';
    this.details = { ...details, ...(details.param !== undefined && { param: shortened(details.param) }) };
  }
}

const MAX_MESSAGE = 2000;

function shortened(text: string): string {
  return text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE)}…`;
}

/** 400: the request itself is wrong, so sending it again will not help. */
export function badRequest(
  message: string,
  param?: string,
  code = 'invalid_value',
  extra?: Readonly<Record<string, unknown>>,
): ApiError {
  return new ApiError(message, {
    status: 400,
    type: 'invalid_request_error',
    code,
    ...(param !== undefined && { param }),
    ...(extra && { extra }),
  });
}

export function unavailable(message: string, code: string, retryAfterSeconds: number): ApiError {
  return new ApiError(message, {
    status: 503,
    type: 'unavailable_error',
    code,
    headers: { 'retry-after': String(retryAfterSeconds) },
  });
}

export function shuttingDown(): ApiError {
  return unavailable('The server is shutting down', 'shutting_down', 5);
}

/** A request's deadline has passed. Asking again would take as long again, so the response says not to. */
export function timedOut(seconds: number): ApiError {
  return new ApiError(`The request took longer than ${seconds} seconds`, {
    status: 503,
    type: 'unavailable_error',
    code: 'timeout',
    headers: { 'x-should-retry': 'false' },
  });
}

/** Any error -> the error for the client. Only unforeseen errors become a 500, and that says not to retry. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof UsageError || error instanceof UnsupportedError)
    return badRequest(withHint(error), undefined, wireCode(error.code));
  // Where the file lies is for the log of whoever runs the server.
  if (error instanceof ResourceError && error.code === 'read-failed')
    return unavailable('The file of the model could not be read', 'model_unreadable', 5);
  if (error instanceof ResourceError) {
    return unavailable(withHint(error), error.code === 'closed' ? 'shutting_down' : 'out_of_memory', 5);
  }
  // No request can succeed: another server may answer, and this one reports it at /health.
  if (error instanceof FormatError && error.code === 'file-changed')
    return unavailable('The file of the model has changed since it was opened', 'model_unreadable', 30);
  // The same for every request, and for whoever runs the server to mend.
  if (error instanceof FormatError && error.code === 'not-a-number')
    return broken(withHint(error), wireCode(error.code));
  const message =
    error instanceof InternalError ? error.message : 'internal: the request could not be answered';
  return broken(message, 'internal_error');
}

function broken(message: string, code: string): ApiError {
  return new ApiError(message, {
    status: 500,
    type: 'server_error',
    code,
    // The same request would fail in the same way: decoding is deterministic here.
    headers: { 'x-should-retry': 'false' },
  });
}

/** An error for the log. Messages may quote a request; what nobody foresaw is needed whole. */
export function logText(told: ApiError, error: unknown): string {
  if (told.details.status !== 500) return told.details.code;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function withHint(error: DotsError): string {
  return error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
}

/** `unsupported-schema` -> `unsupported_schema`, as codes of the API are spelt. */
function wireCode(code: string): string {
  return code.replaceAll('-', '_');
}

export function queueFull(numWaiting: number): ApiError {
  return new ApiError(`${numWaiting} sequences of this client are waiting already`, {
    status: 429,
    type: 'rate_limit_error',
    code: 'queue_full',
    headers: { 'retry-after': '2' },
  });
}
