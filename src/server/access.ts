import { createHash, timingSafeEqual } from 'node:crypto';
import { UsageError } from '../core/errors.ts';
import { ApiError } from './api-error.ts';

export interface AccessRules {
  /** Any of these opens; none means that everybody who passes the Host and Origin rules may ask. */
  readonly apiKeys: readonly string[];
  /** Names by which the server may be called, in addition to loopback names; `*` for any. */
  readonly hosts: readonly string[];
  /** Web pages of these origins may send requests, in addition to loopback ones and the server's own; `*` for any. */
  readonly corsOrigins: readonly string[];
}

/** Printable ASCII: clients send other characters in one of several encodings, or not at all. */
const KEY = /^[\x21-\x7e]+$/;

/**
 * Throws `UsageError` for a key that no client can send, or that everybody can (an empty one). `source` says where it comes
 * from; the message does not quote the key.
 */
export function checkApiKey(key: string, source: string): void {
  if (KEY.test(key)) return;
  throw new UsageError(
    `Cannot use the API key from ${source}: ${key === '' ? 'it is empty' : 'it is not printable ASCII without spaces'}`,
    {
      code: 'bad-api-key',
      hint: 'use letters, digits and punctuation, for example the output of openssl rand -hex 32',
    },
  );
}

/** The keys in a file, one a line. Throws `UsageError` for a line that is not a key, and for a file without any. */
export function parseKeyFile(text: string, file: string): string[] {
  const keys = text.split(/\r?\n/).map((line) => line.trim());
  const bad = (message: string): UsageError =>
    new UsageError(message, {
      code: 'bad-api-key',
      hint: 'the file holds one key on each line, and nothing else',
    });
  keys.forEach((key, i) => {
    // A comment would be a key that whoever has seen the file can guess.
    if (key.startsWith('#')) throw bad(`Cannot use line ${i + 1} of ${file} as an API key: it begins with #`);
    if (key !== '') checkApiKey(key, `line ${i + 1} of ${file}`);
  });
  const found = keys.filter((key) => key !== '');
  if (found.length === 0) throw bad(`There is no API key in ${file}`);
  return found;
}

/** The number of the key that the request carries; undefined where none is required. Throws 401 without a known key. */
export function checkKey(headers: Headers, rules: AccessRules): number | undefined {
  if (rules.apiKeys.length === 0) return undefined;
  const given = headers.get('x-api-key') ?? /^Bearer\s+(.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
  // Digests have one length, so that neither the time nor an error reveals the length of a key. All keys are compared.
  const digest = sha256(given ?? '');
  let known: number | undefined;
  rules.apiKeys.forEach((key, i) => {
    if (timingSafeEqual(digest, sha256(key))) known = i;
  });
  if (known !== undefined && given !== undefined) return known;
  throw new ApiError(given === undefined ? 'No API key was given' : 'The API key is wrong', {
    status: 401,
    type: 'authentication_error',
    code: 'invalid_api_key',
    headers: { 'www-authenticate': 'Bearer' },
  });
}

/**
 * Throws 403 for a Host that is not ours. A web page can make a name of its own point at 127.0.0.1 and then counts as
 * "same origin"; what it cannot do is send another Host than that name. With keys, it lacks the key.
 */
export function checkHost(host: string, rules: AccessRules): void {
  if (rules.apiKeys.length > 0 || rules.hosts.includes('*')) return;
  const name = hostName(host);
  if (isLoopback(name) || rules.hosts.some((known) => known.toLowerCase() === name)) return;
  throw new ApiError(`Requests for the host ${JSON.stringify(host)} are not answered without an API key`, {
    status: 403,
    type: 'permission_error',
    code: 'host_not_allowed',
  });
}

/**
 * Whether a web page of this origin may read answers. Throws 403 where it may not even ask: without keys, from a page that
 * is neither on this machine nor from this server.
 */
export function checkOrigin(origin: string | null, host: string, rules: AccessRules): boolean {
  if (origin === null) return false;
  if (rules.corsOrigins.includes('*') || rules.corsOrigins.includes(origin)) return true;
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  if (url && (isLoopback(url.hostname.toLowerCase()) || url.host.toLowerCase() === host.toLowerCase()))
    return true;
  if (rules.apiKeys.length > 0) return false;
  throw new ApiError(`Web pages of ${origin} may not use this server`, {
    status: 403,
    type: 'permission_error',
    code: 'origin_not_allowed',
  });
}

/** Headers for a page that may read the answer. Never together with credentials: keys travel in a header. */
export function corsHeaders(origin: string): Record<string, string> {
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'x-request-id, request-id, retry-after, retry-after-ms, x-should-retry',
    vary: 'Origin',
  };
}

/** Answer to a browser that asks whether it may send a request. */
export function preflight(origin: string, requestedHeaders: string | null): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...corsHeaders(origin),
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      'access-control-allow-headers': requestedHeaders ?? 'authorization, content-type',
      'access-control-max-age': '600',
    },
  });
}

/** `[::1]:8000` -> `[::1]`. */
function hostName(host: string): string {
  return host.replace(/:\d+$/, '').toLowerCase();
}

export function isLoopback(name: string): boolean {
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '[::1]' ||
    name === '::1' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name)
  );
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
