import type { Context } from 'hono';
import { shuttingDown, unavailable } from '../api-error.ts';
import type { AppEnv, ServerContext } from '../context.ts';

/** `GET /health`: 200 while answers get on. Needs no key, so that load balancers can ask. */
export function health(c: Context<AppEnv>, { served, settings, isDraining }: ServerContext): Response {
  if (isDraining) throw shuttingDown();
  const stalledSeconds = served.engine.loop.stalledMs / 1000;
  if (stalledSeconds > settings.stallSeconds) {
    const message = `Requests are waiting, but there has been no step for ${Math.round(stalledSeconds)} seconds`;
    throw unavailable(message, 'stalled', 10);
  }
  return c.json({ status: 'ok' });
}
