import type { MiddlewareHandler } from 'hono';
import { checkHost, checkKey, checkOrigin, corsHeaders, preflight } from './access.ts';
import { shuttingDown } from './api-error.ts';
import { errorShapeOf } from './client-api.ts';
import type { AppEnv, Route, ServerContext } from './context.ts';
import { RequestRecord } from './request-record.ts';

type Middleware = MiddlewareHandler<AppEnv>;

/** For the middlewares that follow, and for errors. */
export function declareRoute(route: Route): Middleware {
  return async (c, next) => {
    c.set('route', route);
    await next();
  };
}

/** Outermost: every request gets an id and a record, which ends with its answer unless that is a stream. */
function recordRequest(server: ServerContext): Middleware {
  const { active, metrics, settings } = server;
  return async (c, next) => {
    const { route } = c.var;
    const record = new RequestRecord(requestLabel(c.req.raw), c.req.method, metrics, (entry) => {
      active.delete(record);
      settings.onRequestEnd?.(entry);
    });
    if (route) record.route = route.name;
    c.set('record', record);
    await next();
    for (const name of ['x-request-id', errorShapeOf(c).idHeader])
      if (name) c.res.headers.set(name, record.label);
    if (server.draining.aborted) c.res.headers.set('connection', 'close');
    if (!record.isStreaming) record.end(c.res.status);
  };
}

/** Refuses hosts and web pages that may not ask; sends the headers that let pages read the answer. */
function checkAccess({ settings }: ServerContext): Middleware {
  return async (c, next) => {
    const { headers, url, method } = c.req.raw;
    const origin = headers.get('origin');
    const host = headers.get('host') ?? new URL(url).host;
    checkHost(host, settings);
    const mayRead = checkOrigin(origin, host, settings);
    if (origin === null || !mayRead) return next();
    if (method === 'OPTIONS') return preflight(origin, headers.get('access-control-request-headers'));
    await next();
    for (const [name, value] of Object.entries(corsHeaders(origin))) c.res.headers.set(name, value);
  };
}

/** The server waits for these when it stops. */
function trackActive({ active }: ServerContext): Middleware {
  return (c, next) => {
    active.add(c.var.record);
    return next();
  };
}

/** Files of the page and unknown routes need no key: they give away nothing. */
function requireKey({ settings }: ServerContext): Middleware {
  return (c, next) => {
    if (c.var.route && !c.var.route.isPublic) {
      const key = checkKey(c.req.raw.headers, settings);
      if (key !== undefined) c.set('client', `key ${key}`);
    }
    return next();
  };
}

/** A server that shuts down still reports its state, but starts no new work. */
function refuseWhileDraining(server: ServerContext): Middleware {
  return (c, next) => {
    if (server.draining.aborted && c.var.route?.method === 'POST') throw shuttingDown();
    return next();
  };
}

function waitUntilReady({ served }: ServerContext): Middleware {
  return async (c, next) => {
    if (c.var.route && !c.var.route.isPublic) await served.ready();
    await next();
  };
}

/** What every request passes through before its route answers it, outermost first. */
export const MIDDLEWARES: readonly ((server: ServerContext) => Middleware)[] = [
  recordRequest,
  checkAccess,
  trackActive,
  requireKey,
  refuseWhileDraining,
  waitUntilReady,
];

/** Clients find their request in our log by the id they gave, if it can be written in a line. Several may have the same. */
function requestLabel(request: Request): string | undefined {
  const given = request.headers.get('x-request-id');
  return given !== null && /^[\w.:-]{1,128}$/.test(given) ? given : undefined;
}
