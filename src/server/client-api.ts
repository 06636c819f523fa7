import type { Context } from 'hono';
import type { AppEnv } from './context.ts';
import { anthropicErrors, type ErrorShape, openaiErrors } from './error-shapes.ts';

/**
 * The shape of a request's errors: that of its route. A path that is none, and one that two APIs share, is answered as the client
 * understands it.
 */
export function errorShapeOf(c: Context<AppEnv>): ErrorShape {
  const { route } = c.var;
  if (route && route.errors !== openaiErrors) return route.errors;
  const isAnthropic =
    c.req.header('anthropic-version') !== undefined || /^\/v1\/messages(?:\/|$)/.test(c.req.path);
  return isAnthropic ? anthropicErrors : openaiErrors;
}
