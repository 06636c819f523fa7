import type { Context } from 'hono';
import type { Metrics } from './metrics.ts';
import type { Settings } from './options.ts';
import type { RequestRecord } from './request-record.ts';
import type { ServedModel } from './served-model.ts';

/** What every route of a server shares. */
export interface ServerContext {
  readonly served: ServedModel;
  readonly settings: Settings;
  readonly metrics: Metrics;
  /** Aborted when the server will not wait any longer for the answers it owes. */
  readonly stopping: AbortSignal;
  /** Throws 429 while too many sequences wait for their turn. */
  checkQueue(): void;
}

/** What a handler finds in Hono's context. `Bindings` are there where Node's adapter runs the app. */
export interface AppEnv {
  Variables: { record: RequestRecord };
  Bindings: { readonly outgoing?: { destroy(): void }; readonly address?: string | undefined };
}

/** Who asks, for fair turns: the holder of a key, or the machine that a request comes from. */
export function clientOf(c: Context<AppEnv>): string {
  return c.req.header('authorization') ?? c.req.header('x-api-key') ?? c.env?.address ?? '';
}
