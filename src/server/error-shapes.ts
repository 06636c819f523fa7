import type { ApiError } from './api-error.ts';
import type { SseStream } from './sse.ts';

/** How an API writes its errors. Each route declares one; clients lose the message of any other. */
export interface ErrorShape {
  body(error: ApiError): object;
  /** Name of the event by which a stream reports an error after its first byte; none for unnamed events. */
  readonly eventName?: string;
  /** A header that repeats the request's id, in addition to `x-request-id`. */
  readonly idHeader?: string;
}

/** `{"error": {message, type, param, code}}`. */
export const openaiErrors: ErrorShape = {
  body({ message, details: { type, param, code, extra } }) {
    return { error: { message, type, param: param ?? null, code, ...extra } };
  },
};

/** `{"type": "error", "error": {type, message}}`. */
export const anthropicErrors: ErrorShape = {
  body({ message, details: { status, type } }) {
    return { type: 'error', error: { type: ANTHROPIC_TYPES[status] ?? type, message } };
  },
  eventName: 'error',
  idHeader: 'request-id',
};

/** `{"error": message}`. */
export const ollamaErrors: ErrorShape = {
  body({ message }) {
    return { error: message };
  },
};

/** Statuses whose type has a name of its own in Anthropic's API. */
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  413: 'request_too_large',
  500: 'api_error',
  503: 'overloaded_error',
};

export function errorResponse(error: ApiError, shape: ErrorShape): Response {
  const { status, headers } = error.details;
  return Response.json(shape.body(error), { status, ...(headers && { headers }) });
}

/** The event that takes the place of the rest of a stream. */
export function sendError(stream: SseStream, error: ApiError, { eventName, body }: ErrorShape): void {
  const data = JSON.stringify(body(error));
  if (eventName === undefined) stream.send(data);
  else stream.sendNamed(eventName, data);
}
