import type { Context } from 'hono';
import type { AppEnv, ServerContext } from '../context.ts';

/** `GET /dots/experts`: how often each expert was chosen, for tokens of requests with routing enabled. */
export function experts(c: Context<AppEnv>, { served }: ServerContext): Response {
  const { engine } = served;
  const { numExperts, numChosen } = engine.routing;
  return c.json({ num_experts: numExperts, num_experts_per_token: numChosen, ...engine.routing.counts() });
}
