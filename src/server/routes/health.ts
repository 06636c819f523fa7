import { unavailable } from '../api-error.ts';
import type { ServerContext } from '../context.ts';

/** `GET /health`: 200 while answers get on. Needs no key, so that load balancers can ask. */
export function health({ served, settings }: ServerContext, isDraining: boolean): Response {
  if (isDraining) return unavailable('The server is shutting down', 'shutting_down', 5).toResponse();
  const stalledSeconds = served.engine.loop.stalledMs / 1000;
  if (stalledSeconds > settings.stallSeconds) {
    const message = `Requests are waiting, but there has been no step for ${Math.round(stalledSeconds)} seconds`;
    return unavailable(message, 'stalled', 10).toResponse();
  }
  return new Response('{"status":"ok"}', { headers: { 'content-type': 'application/json' } });
}
