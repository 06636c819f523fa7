import { setMaxListeners } from 'node:events';
import { type Context, Hono } from 'hono';
import type { Model } from '../engine/model.ts';
import { ApiError, logText, queueFull, shuttingDown, toApiError } from './api-error.ts';
import { errorShapeOf } from './client-api.ts';
import type { AppEnv, ServerContext } from './context.ts';
import { engineGauges } from './engine-gauges.ts';
import { errorResponse } from './error-shapes.ts';
import { ClientLeft } from './lifetime.ts';
import { Metrics } from './metrics.ts';
import { declareRoute, MIDDLEWARES } from './middleware.ts';
import { type ServerOptions, withDefaults } from './options.ts';
import { servePage } from './page.ts';
import { readJsonBody } from './read-body.ts';
import { CLIENT_LEFT } from './request-record.ts';
import { ROUTES } from './routes.ts';
import { ServedModel } from './served-model.ts';

/** A server without a socket: `fetch` takes a `Request` and returns a `Response`. */
export interface App {
  readonly fetch: (request: Request, bindings?: AppEnv['Bindings']) => Response | Promise<Response>;
  /** The same as a Hono app, to be mounted in another: `other.route('/llm', app.hono)`. */
  readonly hono: Hono<AppEnv>;
  readonly context: ServerContext;
  /** Requests whose answers are not complete. */
  readonly numActive: number;
  /** New requests get 503 from now on; running ones continue. */
  drain(): void;
  /** Ends the answers that are still being written, each with an error. */
  stop(): void;
}

/** The API for an open model. The model stays the caller's, who closes it after the app's last answer. */
export function createApp(model: Model, options: ServerOptions = {}): App {
  const settings = withDefaults(options);
  const { engine } = model;
  const { turns } = engine.loop;
  const served = new ServedModel(engine, settings.modelName ?? engine.files.name, settings.aliases, turns);
  const stop = new AbortController();
  // Every request that is being answered listens to it, and more than ten are not a leak.
  const drain = new AbortController();
  setMaxListeners(0, stop.signal, drain.signal);
  const context: ServerContext = {
    served,
    settings,
    metrics: new Metrics(engineGauges(model)),
    stopping: stop.signal,
    active: new Set(),
    draining: drain.signal,
    turns,
    checkQueue(client) {
      const numQueued = engine.loop.numQueuedOf(client);
      if (numQueued >= settings.maxQueue) throw queueFull(numQueued);
    },
  };
  return {
    hono: compose(context),
    context,
    fetch(request, bindings) {
      return this.hono.fetch(request, bindings ?? {});
    },
    get numActive() {
      return context.active.size;
    },
    drain() {
      drain.abort(shuttingDown());
    },
    stop() {
      drain.abort(shuttingDown());
      stop.abort(shuttingDown());
    },
  };
}

/** Handlers run in the order in which they are added: first it is known which route will answer, then middlewares, then the route. */
function compose(context: ServerContext): Hono<AppEnv> {
  const { settings } = context;
  const bodyRules = {
    maxBodyBytes: settings.maxBodyBytes,
    turns: context.turns,
    draining: context.draining,
    maxText: context.served.maxText,
  };
  const hono = new Hono<AppEnv>();
  for (const route of ROUTES) hono.on(route.method, [...route.paths], declareRoute(route));
  for (const middleware of MIDDLEWARES) hono.use(middleware(context));
  for (const route of ROUTES) {
    hono.on(route.method, [...route.paths], async (c) =>
      route.method === 'GET'
        ? route.handler(c, context)
        : route.handler(c, context, await readJsonBody(c.req.raw, bodyRules)),
    );
  }
  hono.get('*', servePage(settings.page));
  hono.all('*', (c) => {
    throw new ApiError(`There is no ${c.req.method} ${c.req.path}`, {
      status: 404,
      type: 'not_found_error',
      code: 'unknown_route',
    });
  });
  hono.onError(answerError);
  return hono;
}

function answerError(error: unknown, c: Context<AppEnv>): Response {
  const { record } = c.var;
  if (error instanceof ClientLeft) {
    record.end(CLIENT_LEFT);
    return new Response(null, { status: CLIENT_LEFT });
  }
  const apiError = toApiError(error);
  record.error ??= logText(apiError, error);
  return errorResponse(apiError, errorShapeOf(c));
}
