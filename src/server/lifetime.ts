import type { Context } from 'hono';
import { timedOut } from './api-error.ts';
import type { Asker } from './constraint-cache.ts';
import { type AppEnv, clientOf, type ServerContext } from './context.ts';

export class ClientLeft extends Error {
  override readonly name = 'AbortError';

  constructor() {
    super('the client left');
  }
}

/** The reader is too slow for too long. */
export class SlowReader extends Error {
  override readonly name = 'AbortError';
}

/** Why the work for a request should end: its client left, its time is up, or the server stops. */
export class Lifetime {
  readonly signal: AbortSignal;
  private readonly controller = new AbortController();
  private readonly timer: ReturnType<typeof setTimeout>;
  private readonly request: AbortSignal;
  private readonly stopping: AbortSignal;
  private readonly onLeft = (): void => this.controller.abort(new ClientLeft());
  private readonly onStop = (): void => this.controller.abort(this.stopping.reason);

  constructor(request: AbortSignal, { settings, stopping }: ServerContext) {
    this.signal = this.controller.signal;
    this.request = request;
    this.stopping = stopping;
    if (request.aborted) this.onLeft();
    if (stopping.aborted) this.onStop();
    request.addEventListener('abort', this.onLeft);
    stopping.addEventListener('abort', this.onStop);
    const { timeoutSeconds } = settings;
    this.timer = setTimeout(() => this.controller.abort(timedOut(timeoutSeconds)), timeoutSeconds * 1000);
    (this.timer as { unref?: () => void }).unref?.();
  }

  /** Preparations that may fail, after which there would be nothing left to end. */
  async guard<T>(prepare: () => Promise<T>): Promise<T> {
    try {
      return await prepare();
    } catch (error) {
      this.end();
      throw error;
    }
  }

  abort(reason: unknown): void {
    this.controller.abort(reason);
  }

  end(): void {
    clearTimeout(this.timer);
    this.request.removeEventListener('abort', this.onLeft);
    this.stopping.removeEventListener('abort', this.onStop);
  }
}

/** What a constraint is compiled for. */
export function askerOf(c: Context<AppEnv>, { signal }: Lifetime): Asker {
  return { client: clientOf(c), signal };
}
