import { parseJsonSteps } from '../core/parse-json.ts';
import type { Turns } from '../core/turns.ts';
import { untilAborted } from '../core/until-aborted.ts';
import { ApiError, badRequest } from './api-error.ts';
import { JsonLimits } from './json-limits.ts';
import { ClientLeft } from './lifetime.ts';

export interface BodyRules {
  readonly maxBodyBytes: number;
  readonly turns: Turns;
  /** UTF-16 units of the longest text that a request can use. */
  readonly maxText: number;
  /** A body that is not complete when this is aborted is refused. */
  readonly draining: AbortSignal;
}

/** Up to here a body is read, decoded and parsed in one go, which is faster and takes a millisecond at most. */
const SMALL_BYTES = 64 * 1024;

/**
 * The JSON object in a request's body. 415 for another content type: forms may be posted by any web page without asking,
 * JSON may not. 413 above the size limit, counted while reading, and 400 for anything but a JSON object. Throws `ClientLeft` if
 * the rest of the body does not come, and 503 when the server stops meanwhile.
 */
export async function readJsonBody(request: Request, rules: BodyRules): Promise<Record<string, unknown>> {
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type.trim())) {
    throw new ApiError(`The content type is ${JSON.stringify(type)}, but must be application/json`, {
      status: 415,
      type: 'invalid_request_error',
      code: 'unsupported_media_type',
    });
  }
  const encoding = request.headers.get('content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new ApiError(`The body's content-encoding is ${JSON.stringify(encoding)}; send it uncompressed`, {
      status: 415,
      type: 'invalid_request_error',
      code: 'unsupported_media_type',
    });
  }
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(type)?.[1] ?? 'utf-8';
  if (!/^(?:utf-?8|us-ascii)$/i.test(charset)) {
    throw new ApiError(`The body's charset is ${JSON.stringify(charset)}, but JSON is UTF-8`, {
      status: 415,
      type: 'invalid_request_error',
      code: 'unsupported_media_type',
    });
  }
  // Who sends half a request does not delay the end of the server.
  const text = await untilAborted(readText(request, rules), rules.draining);
  let value: unknown;
  try {
    // The short way gives the better message; the other one takes a turn for every stretch.
    value = text.length <= SMALL_BYTES ? JSON.parse(text) : await rules.turns.run(parseJsonSteps(text));
  } catch (error) {
    throw badRequest(`The body is not valid JSON: ${(error as Error).message}`, undefined, 'invalid_json');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw badRequest('The body must be a JSON object', undefined, 'invalid_json');
}

/** The body as text, counted and decoded as it comes. */
async function readText(request: Request, { maxBodyBytes, maxText, turns }: BodyRules): Promise<string> {
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > maxBodyBytes) throw tooLarge(maxBodyBytes);
  const body = new BodyText(maxText);
  if (declared > 0 && declared <= SMALL_BYTES) {
    body.push(new Uint8Array(await received(request.arrayBuffer())));
    return body.end();
  }
  const reader = request.body?.getReader();
  while (reader) {
    const { done, value: chunk } = await received(reader.read());
    if (done) break;
    if (body.size + chunk.length > maxBodyBytes) throw tooLarge(maxBodyBytes);
    for (let i = 0; i < chunk.length; i += SMALL_BYTES) {
      if (i > 0) await turns.next();
      body.push(chunk.subarray(i, i + SMALL_BYTES));
    }
  }
  if (body.size <= SMALL_BYTES) return body.end();
  // To join is one step.
  await turns.next();
  const text = body.end();
  await turns.next();
  return text;
}

/** What fails here is the connection. */
function received<T>(bytes: Promise<T>): Promise<T> {
  return bytes.catch(() => {
    throw new ClientLeft();
  });
}

class BodyText {
  // Invalid bytes would become other characters, and the model would read what nobody wrote.
  private readonly decoder = new TextDecoder('utf-8', { fatal: true });
  private readonly limits: JsonLimits;
  private readonly pieces: string[] = [];

  constructor(maxText: number) {
    this.limits = new JsonLimits(maxText);
  }

  /** Bytes so far. */
  size = 0;

  push(bytes: Uint8Array): void {
    this.size += bytes.length;
    this.add(() => this.decoder.decode(bytes, { stream: true }));
  }

  end(): string {
    this.add(() => this.decoder.decode());
    return this.pieces.join('');
  }

  private add(decode: () => string): void {
    let text: string;
    try {
      text = decode();
    } catch {
      throw badRequest('The body is not valid UTF-8', undefined, 'invalid_json');
    }
    // Megabytes of something else are not worth reading.
    if (this.pieces.length === 0 && /^\s*[^\s{]/.test(text))
      throw badRequest('The body must be a JSON object', undefined, 'invalid_json');
    this.limits.push(text);
    this.pieces.push(text);
  }
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError(`The body is larger than ${maxBytes} bytes`, {
    status: 413,
    type: 'invalid_request_error',
    code: 'body_too_large',
  });
}
