import type { Context } from 'hono';
import type { ZodType } from 'zod';
import type { Turns } from '../core/turns.ts';
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
  /** Aborted when new work is refused; running answers continue. */
  readonly draining: AbortSignal;
  /** For work that takes more than a few milliseconds. */
  readonly turns: Turns;
  /**
   * Throws 429 while too many sequences of a client wait for their turn. Routes call it before work on a prompt, so that it is
   * not done in vain, and after it.
   */
  checkQueue(client: string): void;
}

/** What a handler finds in Hono's context. `Bindings` are there where Node's adapter runs the app. */
export interface AppEnv {
  Variables: { record: RequestRecord; route?: Route; client?: string };
  Bindings: { readonly outgoing?: { destroy(): void }; readonly address?: string | undefined };
}

/**
 * Who asks, for fair turns: the holder of a key that was checked, or the machine that a request comes from. What a client
 * merely says of itself does not count.
 */
export function clientOf(c: Context<AppEnv>): string {
  return c.get('client') ?? networkOf(c.env?.address ?? '');
}

/** An IPv4 address, or the first half of an IPv6 address: the rest is for the client to choose. */
export function networkOf(address: string): string {
  const [, ipv4] = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (ipv4 !== undefined || !address.includes(':')) return ipv4 ?? address;
  const [head, tail] = address.split('%')[0].split('::');
  const groups = head === '' ? [] : head.split(':');
  const numTail = tail === undefined || tail === '' ? 0 : tail.split(':').length;
  if (tail !== undefined) groups.push(...Array<string>(8 - groups.length - numTail).fill('0'));
  if (numTail > 0) groups.push(...(tail as string).split(':'));
  return groups.slice(0, 4).join(':');
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
  | (RouteFacts & { readonly method: 'GET'; readonly handler: GetHandler; readonly body?: undefined })
  | (RouteFacts & { readonly method: 'POST'; readonly handler: PostHandler; readonly body: ZodType });
