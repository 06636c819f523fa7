import type { Context } from 'hono';
import type { ErrorShape } from './error-shapes.ts';
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
  /** Requests whose answers are not complete. */
  readonly active: Set<RequestRecord>;
  /** New work is refused; running answers continue. */
  isDraining: boolean;
  /** Throws 429 while too many sequences wait for their turn. */
  checkQueue(): void;
}

/** What a handler finds in Hono's context. `Bindings` are there where Node's adapter runs the app. */
export interface AppEnv {
  Variables: { record: RequestRecord; route?: Route };
  Bindings: { readonly outgoing?: { destroy(): void }; readonly address?: string | undefined };
}

/** Who asks, for fair turns: the holder of a key, or the machine that a request comes from. */
export function clientOf(c: Context<AppEnv>): string {
  return c.req.header('authorization') ?? c.req.header('x-api-key') ?? c.env?.address ?? '';
}

interface RouteFacts {
  /** In the log and in metrics. */
  readonly name: string;
  readonly paths: readonly string[];
  readonly errors: ErrorShape;
  /** Answered without a key and before the model is ready: load balancers ask it. */
  readonly isPublic?: boolean;
}

export type GetHandler = (c: Context<AppEnv>, context: ServerContext) => Response;
export type PostHandler = (
  c: Context<AppEnv>,
  context: ServerContext,
  body: Record<string, unknown>,
) => Promise<Response>;

export type Route =
  | (RouteFacts & { readonly method: 'GET'; readonly handler: GetHandler })
  | (RouteFacts & { readonly method: 'POST'; readonly handler: PostHandler });
