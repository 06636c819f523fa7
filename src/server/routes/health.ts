import type { Context } from 'hono';
import { shuttingDown, unavailable } from '../api-error.ts';
import type { AppEnv, ServerContext } from '../context.ts';

/** `GET /health`: 200 while answers succeed. Needs no key, so that load balancers can ask. */
export function health(c: Context<AppEnv>, { served, settings, draining }: ServerContext): Response {
  if (draining.aborted) throw shuttingDown();
  const stalledSeconds = served.engine.loop.stalledMs / 1000;
  if (stalledSeconds > settings.stallSeconds) {
    const message = `Requests are waiting, but there has been no step for ${Math.round(stalledSeconds)} seconds`;
    throw unavailable(message, 'stalled', 10);
  }
  if (served.engine.loop.lastFailure !== undefined) {
    // Nobody may ask for an answer while this says 503, so whether one succeeds again has to be tried.
    served.tryAnswer();
    throw unavailable('The last step of the model failed', 'failing', 10);
  }
  return c.json({ status: 'ok' });
}
