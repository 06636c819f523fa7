import type { Context } from 'hono';
import type { AppEnv, ServerContext } from '../context.ts';

/** `GET /v1/models`. */
export function listModels(c: Context<AppEnv>, { served }: ServerContext): Response {
  return c.json({ object: 'list', data: served.names.map((id) => served.describe(id)) });
}

/** `GET /v1/models/{id}`; ids may contain slashes, so the id is the rest of the path. */
export function oneModel(c: Context<AppEnv>, { served }: ServerContext): Response {
  const id = c.req.param('id') ?? '';
  served.check(id);
  return c.json(served.describe(id));
}
