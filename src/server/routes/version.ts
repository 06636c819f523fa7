import type { Context } from 'hono';
import type { AppEnv } from '../context.ts';
import { VERSION } from '../version.ts';

/** `GET /version`, as vLLM. */
export function version(c: Context<AppEnv>): Response {
  return c.json({ version: VERSION });
}
