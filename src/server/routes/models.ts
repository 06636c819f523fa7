import type { Context } from 'hono';
import type { AppEnv } from '../context.ts';
import type { ServedModel } from '../served-model.ts';

/** `GET /v1/models`. */
export function listModels(c: Context<AppEnv>, served: ServedModel): Response {
  return c.json({ object: 'list', data: served.names.map((id) => served.describe(id)) });
}

/** `GET /v1/models/{id}`; ids may contain slashes, so the id is the rest of the path. */
export function oneModel(c: Context<AppEnv>, served: ServedModel): Response {
  const id = decodeURIComponent(c.req.path.replace(/^(?:\/v1)?\/models\//, ''));
  served.check(id);
  return c.json(served.describe(id));
}
