import type { Context } from 'hono';
import { type ApiError, logText, toApiError } from './api-error.ts';
import { errorShapeOf } from './client-api.ts';
import type { AppEnv, ServerContext } from './context.ts';
import { sendError } from './error-shapes.ts';
import { ClientLeft, type Lifetime, SlowReader } from './lifetime.ts';
import { CLIENT_LEFT, type RequestRecord } from './request-record.ts';
import { SSE_HEADERS, SseStream } from './sse.ts';

export interface AnswerStream {
  /** Sends one event, and waits while the reader is too slow; throws if it stays so. */
  send(value: unknown): void | Promise<void>;
  /** The same for events that are named by their type, perhaps none. */
  sendNamed(events: readonly NamedEvent[]): void | Promise<void>;
  readonly record: RequestRecord;
}

export interface NamedEvent {
  readonly type: string;
}

export interface StreamFormat {
  /** The last line of a good stream. */
  readonly end?: string;
  /** Lines of JSON (NDJSON) instead of events, and without comments. */
  readonly isLines?: boolean;
  /** How an error is sent after the first byte; default: in the route's error shape. */
  readonly error?: (stream: SseStream, error: ApiError) => void;
}

const LINES = { 'content-type': 'application/x-ndjson' };

/**
 * Answer with a stream that `write` fills. The response starts at once. After the first byte an error is one more line,
 * and the stream closes without its usual end.
 */
export function answerStream(
  c: Context<AppEnv>,
  context: ServerContext,
  lifetime: Lifetime,
  write: (stream: AnswerStream) => Promise<void>,
  format: StreamFormat = {},
): Response {
  const record = c.get('record');
  const { settings } = context;
  record.isStreaming = true;
  const sse = new SseStream({
    maxUnsentBytes: settings.maxUnsentBytes,
    pingMs: format.isLines ? undefined : settings.pingSeconds * 1000,
    onCancel: () => lifetime.abort(new ClientLeft()),
  });
  // The head of a stream has just been written, and the first content does not wait until the next write. Tokens whose
  // text is held back send nothing, and what is sent before the first token is the head.
  let isFirst = true;
  const sent = (): void | Promise<void> => {
    if (isFirst && record.hasTokens) {
      isFirst = false;
      sse.flush();
    }
    return sse.isFull ? waitForReader() : undefined;
  };
  const waitForReader = async (): Promise<void> => {
    if (await sse.drained(settings.slowReaderSeconds * 1000)) return;
    const error = new SlowReader('the client reads too slowly');
    lifetime.abort(error);
    throw error;
  };
  const stream: AnswerStream = {
    record,
    send(value) {
      if (format.isLines) sse.sendLine(JSON.stringify(value));
      else sse.send(JSON.stringify(value));
      return sent();
    },
    sendNamed(events) {
      for (const event of events) sse.sendNamed(event.type, JSON.stringify(event));
      return events.length > 0 ? sent() : undefined;
    },
  };
  const run = async (): Promise<void> => {
    try {
      await write(stream);
      if (format.end !== undefined) sse.send(format.end);
      record.end(200);
    } catch (error) {
      // Whatever failed, if the request was to end anyway, why it was to end is the reason.
      const reason = lifetime.signal.aborted ? lifetime.signal.reason : error;
      lifetime.abort(reason);
      if (reason instanceof ClientLeft) {
        record.end(CLIENT_LEFT);
        // Half of the connection may still be open, with bytes in it that nobody will read.
        c.env?.outgoing?.destroy();
      } else if (reason instanceof SlowReader) {
        record.error = reason.message;
        record.end(CLIENT_LEFT);
        c.env?.outgoing?.destroy();
      } else {
        const told = toApiError(reason);
        record.error = logText(told, reason);
        if (format.error) format.error(sse, told);
        else sendError(sse, told, errorShapeOf(c));
        record.end(told.details.status);
      }
    } finally {
      lifetime.end();
      sse.close();
    }
  };
  void run();
  return new Response(sse.body, { headers: { ...SSE_HEADERS, ...(format.isLines && LINES) } });
}

/** An answer without streaming. If one part of the work fails, the rest of it ends too. */
export async function answerWhole<T>(lifetime: Lifetime, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const reason = lifetime.signal.aborted ? lifetime.signal.reason : error;
    lifetime.abort(reason);
    throw reason;
  } finally {
    lifetime.end();
  }
}
