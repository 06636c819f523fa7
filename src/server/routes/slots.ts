import type { Context } from 'hono';
import { unavailable } from '../api-error.ts';
import type { AppEnv, ServerContext } from '../context.ts';

/**
 * `GET /slots`, as llama-server: a slot for each sequence that may run at once. No text of any request. 503 with
 * `fail_on_no_slot` while none is free.
 */
export function slots(c: Context<AppEnv>, { served }: ServerContext): Response {
  const { loop, contextLength } = served.engine;
  const running = loop.running;
  if (c.req.query('fail_on_no_slot') && running.length >= loop.maxParallel)
    throw unavailable('No slot is free', 'no_slot', 1);
  return c.json(
    Array.from({ length: loop.maxParallel }, (_, id) => ({
      id,
      n_ctx: contextLength,
      speculative: false,
      is_processing: id < running.length,
      ...(id < running.length && { n_tokens: running[id].numTokens, n_computed: running[id].numComputed }),
    })),
  );
}
