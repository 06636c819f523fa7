import type { Context } from 'hono';
import type { AppEnv } from '../context.ts';
import type { ServedModel } from '../served-model.ts';

/** `GET /dots/experts`: how often each expert was chosen, for tokens of requests that asked for their routing. */
export function experts(c: Context<AppEnv>, { engine }: ServedModel): Response {
  const { numExperts, numChosen } = engine.routing;
  return c.json({ num_experts: numExperts, num_experts_per_token: numChosen, ...engine.routing.counts() });
}
