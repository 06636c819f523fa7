import type { Context } from 'hono';
import { errorShapeOf } from '../client-api.ts';
import type { AppEnv, ServerContext } from '../context.ts';
import { anthropicErrors } from '../error-shapes.ts';
import type { ServedModel } from '../served-model.ts';

/** `GET /v1/models`, in the form of whichever API the client speaks. */
export function listModels(c: Context<AppEnv>, { served }: ServerContext): Response {
  if (errorShapeOf(c) === anthropicErrors) {
    const data = served.names.map((id) => anthropicModel(id, served));
    return c.json({ data, has_more: false, first_id: data[0].id, last_id: data[data.length - 1].id });
  }
  return c.json({ object: 'list', data: served.names.map((id) => served.describe(id)) });
}

/** `GET /v1/models/{id}`; ids may contain slashes, so the id is the rest of the path. */
export function oneModel(c: Context<AppEnv>, { served }: ServerContext): Response {
  const id = c.req.param('id') ?? '';
  served.check(id);
  return c.json(errorShapeOf(c) === anthropicErrors ? anthropicModel(id, served) : served.describe(id));
}

function anthropicModel(id: string, { createdSeconds, engine }: ServedModel) {
  return {
    type: 'model',
    id,
    display_name: id,
    created_at: new Date(createdSeconds * 1000).toISOString(),
    max_input_tokens: engine.contextLength,
    max_tokens: engine.contextLength,
  };
}
