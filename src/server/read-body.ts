import { ApiError, badRequest } from './api-error.ts';

export interface BodyLimits {
  readonly maxBodyBytes: number;
  readonly maxJsonDepth: number;
}

/**
 * The JSON object in a request's body. 415 for another content type: forms may be posted by any web page without asking,
 * JSON may not. 413 above the size limit, counted while reading, and 400 for anything but a JSON object.
 */
export async function readJsonBody(request: Request, limits: BodyLimits): Promise<Record<string, unknown>> {
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
  const text = decodeUtf8(await readBytes(request, limits.maxBodyBytes));
  checkDepth(text, limits.maxJsonDepth);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badRequest(`The body is not valid JSON: ${(error as Error).message}`, undefined, 'invalid_json');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw badRequest('The body must be a JSON object', undefined, 'invalid_json');
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Invalid bytes would become other characters, and the model would read what nobody wrote. */
function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw badRequest('The body is not valid UTF-8', undefined, 'invalid_json');
  }
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  // A body whose length is declared and small is read in one go, which is faster than chunk by chunk.
  if (declared > 0) return new Uint8Array(await request.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let end = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, end);
    end += chunk.length;
  }
  return bytes;
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError(`The body is larger than ${maxBytes} bytes`, {
    status: 413,
    type: 'invalid_request_error',
    code: 'body_too_large',
  });
}

/** Deep nesting costs stack in everything that walks the value later, so it is refused before it is parsed. */
function checkDepth(text: string, maxDepth: number): void {
  let depth = 0;
  let isString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) isString = false;
    } else if (code === 0x22) isString = true;
    else if (code === 0x7b || code === 0x5b) {
      depth++;
      if (depth > maxDepth)
        throw badRequest(`The body is nested deeper than ${maxDepth} levels`, undefined, 'invalid_json');
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
}
