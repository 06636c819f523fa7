import { setMaxListeners } from 'node:events';
import { type Context, Hono } from 'hono';
import type { Model } from '../engine/model.ts';
import { PAGE_SIZE } from '../engine/page-pool.ts';
import { checkHost, checkKey, checkOrigin, corsHeaders, preflight } from './access.ts';
import { ApiError, badRequest, logText, toApiError } from './api-error.ts';
import type { AppEnv, ServerContext } from './context.ts';
import { uniqueId } from './ids.ts';
import { ClientLeft } from './lifetime.ts';
import { type Gauge, Metrics } from './metrics.ts';
import { type ServerOptions, withDefaults } from './options.ts';
import { pageResponse } from './page.ts';
import { readJsonBody } from './read-body.ts';
import { CLIENT_LEFT, RequestRecord } from './request-record.ts';
import { chatCompletions } from './routes/chat-completions.ts';
import { completions } from './routes/completions.ts';
import { experts } from './routes/experts.ts';
import { health } from './routes/health.ts';
import { anthropicError, countTokens, messages } from './routes/messages.ts';
import { listModels, oneModel } from './routes/models.ts';
import { props } from './routes/props.ts';
import { responses } from './routes/responses.ts';
import { applyTemplate, detokenize, tokenize, tokenizerInfo } from './routes/tokenize.ts';
import { ServedModel } from './served-model.ts';

const MAX_JSON_DEPTH = 64;

type PostHandler = (
  c: Context<AppEnv>,
  context: ServerContext,
  body: Record<string, unknown>,
) => Promise<Response>;

/** A server that is no socket: `fetch` takes a `Request` and gives a `Response`. */
export interface App {
  readonly fetch: (request: Request, bindings?: AppEnv['Bindings']) => Response | Promise<Response>;
  /** The same as a Hono app, to be mounted in another: `other.route('/llm', app.hono)`. */
  readonly hono: Hono<AppEnv>;
  readonly context: ServerContext;
  /** Requests whose answers are not complete. */
  readonly numActive: number;
  /** New requests get 503 from now on; those that are being answered go on. */
  drain(): void;
  /** Ends the answers that are still being written, each with an error. */
  stop(): void;
}

/** The API for an open model. The model stays the caller's, who closes it after the app's last answer. */
export function createApp(model: Model, options: ServerOptions = {}): App {
  const settings = withDefaults(options);
  const { engine } = model;
  const served = new ServedModel(engine, settings.modelName ?? engine.files.name, settings.aliases);
  const stop = new AbortController();
  // Every request that is being answered listens to it, and more than ten are no leak.
  setMaxListeners(0, stop.signal);
  const active = new Set<RequestRecord>();
  let isDraining = false;
  const metrics = new Metrics(engineGauges(model));
  const context: ServerContext = {
    served,
    settings,
    metrics,
    stopping: stop.signal,
    checkQueue() {
      if (engine.loop.numQueued >= settings.maxQueue) throw queueFull(engine.loop.numQueued);
    },
  };
  const rules = {
    apiKeys: settings.apiKeys,
    hosts: settings.hosts,
    corsOrigins: settings.corsOrigins,
  };
  const hono = new Hono<AppEnv>();

  hono.use(async (c, next) => {
    const { raw } = c.req;
    const record = new RequestRecord(requestId(raw), raw.method, metrics, (entry) => {
      active.delete(record);
      settings.onRequestEnd?.(entry);
    });
    const isTwin = raw.method === 'POST' && [...active].some(({ id }) => id === record.id);
    active.add(record);
    c.set('record', record);
    const origin = raw.headers.get('origin');
    let mayRead = false;
    try {
      const url = new URL(raw.url);
      const host = raw.headers.get('host') ?? url.host;
      checkHost(host, rules);
      mayRead = checkOrigin(origin, host, rules);
      if (isTwin) throw duplicateId(record.id);
      if (raw.method === 'OPTIONS' && origin !== null && mayRead)
        c.res = preflight(origin, raw.headers.get('access-control-request-headers'));
      else await next();
    } catch (error) {
      c.res = errorResponse(error, record);
    }
    if (c.error) c.res = errorResponse(c.error, record);
    c.res.headers.set('x-request-id', record.id);
    // The name by which Anthropic's clients find it.
    if (record.route.startsWith('/v1/messages')) c.res.headers.set('request-id', record.id);
    if (origin !== null && mayRead)
      for (const [name, value] of Object.entries(corsHeaders(origin))) c.res.headers.set(name, value);
    if (isDraining) c.res.headers.set('connection', 'close');
    if (!record.isStreaming) record.end(c.res.status);
  });

  const withKey = (c: Context<AppEnv>): void => checkKey(c.req.raw.headers, rules);
  const get = (paths: readonly string[], handler: (c: Context<AppEnv>) => Response): void => {
    for (const path of paths) {
      hono.get(path, async (c) => {
        c.get('record').route = paths[0];
        withKey(c);
        await served.ready();
        return handler(c);
      });
    }
  };
  const post = (paths: readonly string[], handler: PostHandler): void => {
    for (const path of paths) {
      hono.post(path, async (c) => {
        c.get('record').route = paths[0];
        withKey(c);
        if (isDraining) throw shuttingDown();
        await served.ready();
        return handler(
          c,
          context,
          await readJsonBody(c.req.raw, { ...settings, maxJsonDepth: MAX_JSON_DEPTH }),
        );
      });
    }
  };

  for (const path of ['/health', '/v1/health']) {
    hono.get(path, (c) => {
      c.get('record').route = '/health';
      return health(context, isDraining);
    });
  }
  get(
    ['/metrics'],
    () => new Response(metrics.text(), { headers: { 'content-type': 'text/plain; version=0.0.4' } }),
  );
  get(['/v1/models', '/models'], (c) => listModels(c, served));
  get(['/v1/models/*', '/models/*'], (c) => oneModel(c, served));
  get(['/props'], (c) => props(c, context));
  get(['/dots/experts'], (c) => experts(c, served));
  get(['/tokenizer_info', '/v1/tokenizer_info'], (c) => tokenizerInfo(c, context));
  post(['/v1/chat/completions', '/chat/completions'], chatCompletions);
  post(['/v1/completions', '/completions'], completions);
  post(['/v1/responses', '/responses'], responses);
  post(['/v1/messages'], messages);
  post(['/v1/messages/count_tokens'], countTokens);
  post(['/tokenize', '/v1/tokenize'], tokenize);
  post(['/detokenize', '/v1/detokenize'], detokenize);
  post(['/apply-template', '/v1/apply-template'], applyTemplate);
  hono.get('*', (c) => pageResponse(c, settings.page));
  hono.notFound((c) => {
    throw new ApiError(`There is no ${c.req.method} ${c.req.path}`, {
      status: 404,
      type: 'not_found_error',
      code: 'unknown_route',
    });
  });
  hono.onError((error, c) => errorResponse(error, c.get('record')));

  return {
    hono,
    context,
    fetch: (request, bindings) => hono.fetch(request, bindings ?? {}),
    get numActive() {
      return active.size;
    },
    drain() {
      isDraining = true;
    },
    stop() {
      isDraining = true;
      stop.abort(shuttingDown());
    },
  };
}

/** Clients find their request in our log by the id they gave, if it is one that can be written in a line. */
function requestId(request: Request): string {
  const given = request.headers.get('x-request-id');
  return given !== null && /^[\w.:-]{1,128}$/.test(given) ? given : uniqueId('req_');
}

function errorResponse(error: unknown, record: RequestRecord): Response {
  const told = toApiError(error);
  record.error ??= logText(told, error);
  if (error instanceof ClientLeft) record.end(CLIENT_LEFT);
  if (!record.route.startsWith('/v1/messages')) return told.toResponse();
  const { status, headers, type } = { headers: {}, ...told.details };
  return Response.json(anthropicError(status, type, told.message), { status, headers });
}

/** A proxy that asks again while the first answer is still being made must not start a second one. */
function duplicateId(id: string): ApiError {
  return badRequest(`The request ${id} is being answered already`, 'x-request-id', 'duplicate_request_id');
}

function queueFull(numWaiting: number): ApiError {
  return new ApiError(`${numWaiting} requests are waiting already`, {
    status: 429,
    type: 'rate_limit_error',
    code: 'queue_full',
    headers: { 'retry-after': '2' },
  });
}

function shuttingDown(): ApiError {
  return new ApiError('The server is shutting down', {
    status: 503,
    type: 'unavailable_error',
    code: 'shutting_down',
    headers: { 'retry-after': '5' },
  });
}

function engineGauges({ engine }: Model): Gauge[] {
  const { loop, pageBytes, files } = engine;
  const { pool } = loop;
  const numUsed = (): number => pool.numPages - pool.numAvailable;
  const one = (name: string, help: string, read: () => number): Gauge => ({
    name: `dots_${name}`,
    help,
    read: () => ({ '': read() }),
  });
  return [
    one('requests_running', 'Sequences that are being computed.', () => loop.numRunning),
    one('requests_waiting', 'Sequences that wait for their turn.', () => loop.numWaiting),
    one('kv_tokens_used', 'Positions of the cache that running sequences hold.', () => numUsed() * PAGE_SIZE),
    one('kv_tokens_capacity', 'Positions of the cache.', () => pool.numPages * PAGE_SIZE),
    {
      name: 'dots_memory_bytes',
      help: 'Memory by what it holds; weights are mapped from their file.',
      read: () => ({
        '{kind="weights"}': files.fileBytes,
        '{kind="kv"}': numUsed() * pageBytes,
        '{kind="prefix-cache"}': pool.numIdle * pageBytes,
      }),
    },
  ];
}
