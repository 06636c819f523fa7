import type { MiddlewareHandler } from 'hono';
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

/** Answers with a file of the chat page; `/` is its index. Passes on what is none of them. */
export function servePage(page: ReadonlyMap<string, PageFile> | undefined): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const file = page?.get(c.req.path === '/' ? 'index.html' : c.req.path.slice(1));
    if (!file) return next();
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
  };
}
