import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from './context.ts';
import type { PageEncoding, PageFile } from './options.ts';

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

const ENCODINGS: readonly PageEncoding[] = ['br', 'gzip'];

/** Answers with a file of the chat page; `/` is its index. Passes on what is none of them. */
export function servePage(page: ReadonlyMap<string, PageFile> | undefined): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const file = page?.get(c.req.path === '/' ? 'index.html' : c.req.path.slice(1));
    if (!file) return next();
    c.get('record').route = 'page';
    const encoding = encodingFor(c.req.header('accept-encoding'), file);
    // Caches compare bytes by their tag, and the compressed bytes are others.
    const etag = `"${file.version}${encoding ? `-${encoding}` : ''}"`;
    const headers = {
      etag,
      vary: 'accept-encoding',
      'cache-control': file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    };
    if (isKnown(c.req.header('if-none-match'), etag)) return new Response(null, { status: 304, headers });
    const bytes = (encoding && file.compressed?.[encoding]) ?? file.bytes;
    return new Response(bytes.slice(), {
      headers: {
        ...headers,
        'content-type': file.contentType,
        'content-length': String(bytes.length),
        ...(encoding && { 'content-encoding': encoding }),
      },
    });
  };
}

/** The encoding that the client likes best of those that the file has; undefined for the file as it is. RFC 9110, 12.5.3. */
function encodingFor(accepted: string | undefined, { compressed }: PageFile): PageEncoding | undefined {
  const weights = new Map(
    (accepted ?? '').split(',').map((item) => {
      const [name, ...parameters] = item
        .trim()
        .toLowerCase()
        .split(/\s*;\s*/);
      const q = parameters.find((parameter) => parameter.startsWith('q='));
      return [name, q === undefined ? 1 : Number(q.slice(2)) || 0] as const;
    }),
  );
  const weightOf = (name: string): number => weights.get(name) ?? weights.get('*') ?? 0;
  const best = ENCODINGS.filter((name) => compressed?.[name] && weightOf(name) > 0).reduce<
    PageEncoding | undefined
  >((found, name) => (found && weightOf(found) >= weightOf(name) ? found : name), undefined);
  const isPlainBetter = best !== undefined && (weights.get('identity') ?? 0) > weightOf(best);
  return isPlainBetter ? undefined : best;
}

function isKnown(tags: string | undefined, etag: string): boolean {
  return (tags ?? '').split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')));
}
