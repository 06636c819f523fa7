import type { Context } from 'hono';
import { ApiError } from './api-error.ts';
import type { AppEnv } from './context.ts';
import type { PageFile } from './options.ts';

/** The page may load nothing from elsewhere and talks to this server only. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** A file of the chat page; `/` is its index. 404 in the API's shape for everything else. */
export function pageResponse(c: Context<AppEnv>, page: ReadonlyMap<string, PageFile> | undefined): Response {
  const path = c.req.path === '/' ? 'index.html' : c.req.path.slice(1);
  const file = page?.get(path);
  if (!file) {
    throw new ApiError(`There is no ${c.req.method} ${c.req.path}`, {
      status: 404,
      type: 'not_found_error',
      code: 'unknown_route',
    });
  }
  c.get('record').route = 'page';
  return new Response(file.bytes.slice(), {
    headers: {
      'content-type': file.contentType,
      'cache-control': file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    },
  });
}
