import type { Context } from 'hono';
import type { AppEnv, ServerContext } from '../context.ts';

/** `GET /metrics`: counters, histograms and gauges in Prometheus' text form. */
export function metrics(_: Context<AppEnv>, context: ServerContext): Response {
  return new Response(context.metrics.text(), { headers: { 'content-type': 'text/plain; version=0.0.4' } });
}
