/** Which faults of a transfer are worth another attempt, and after which time. */
import { ResourceError } from '../core/errors.ts';

export interface Tuning {
  /** Bytes of one request. */
  readonly rangeBytes: number;
  /** Requests at once. */
  readonly connections: number;
  /** Without a byte for so long, a connection is given up. */
  readonly stallMs: number;
  /** Attempts in a row without progress. */
  readonly maxAttempts: number;
  /** Wait after the first fault; it doubles with every further one up to `maxWaitMs`. */
  readonly firstWaitMs: number;
  readonly maxWaitMs: number;
}

export const TUNING: Tuning = {
  rangeBytes: 64 * 1024 * 1024,
  connections: 8,
  stallMs: 30_000,
  maxAttempts: 8,
  firstWaitMs: 500,
  maxWaitMs: 30_000,
};

/** The longest `Retry-After` that is waited for; hubs that want more get an error that says when to come again. */
const LONGEST_RETRY_AFTER_MS = 300_000;

/** A fault that may not come again. Internal: users see the `ResourceError` that follows from the last one. */
export class TransferFault extends Error {
  override readonly name = 'TransferFault';
  /** What the server wants to be waited for. */
  readonly retryAfterMs: number | undefined;
  /** The next attempt is not a repetition, as it uses another address. */
  readonly isImmediate: boolean;

  constructor(
    message: string,
    details: {
      readonly retryAfterMs?: number | undefined;
      readonly isImmediate?: boolean;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: details.cause });
    this.retryAfterMs = details.retryAfterMs;
    this.isImmediate = details.isImmediate ?? false;
  }
}

/** Counts the faults of one piece of work and waits after each. */
export class Attempts {
  private readonly what: string;
  private readonly tuning: Tuning;
  private readonly onNotice: ((line: string) => void) | undefined;
  private count = 0;

  /** `what` reads like "download model.gguf". */
  constructor(what: string, tuning: Tuning, onNotice?: (line: string) => void) {
    this.what = what;
    this.tuning = tuning;
    this.onNotice = onNotice;
  }

  /** There was progress: earlier faults do not count. */
  reset(): void {
    this.count = 0;
  }

  /** Returns when it is time for the next attempt. Throws errors that are not faults, and the last fault as `ResourceError`. */
  async failed(error: unknown, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!(error instanceof TransferFault)) throw error;
    const first = this.count++ === 0;
    if (first && error.isImmediate) return;
    const { maxAttempts, firstWaitMs, maxWaitMs } = this.tuning;
    const ownMs = Math.min(maxWaitMs, firstWaitMs * 2 ** (this.count - 1)) * (0.75 + Math.random() / 2);
    const waitMs = Math.max(error.retryAfterMs ?? 0, ownMs);
    if (this.count >= maxAttempts || waitMs > LONGEST_RETRY_AFTER_MS) throw this.final(error);
    if (waitMs >= 1000) this.onNotice?.(`${error.message}; next attempt in ${Math.round(waitMs / 1000)} s`);
    await sleep(waitMs, signal);
  }

  private final(fault: TransferFault): ResourceError {
    const { retryAfterMs = 0 } = fault;
    const wait =
      retryAfterMs > LONGEST_RETRY_AFTER_MS ? ` in ${Math.ceil(retryAfterMs / 60_000)} minutes` : '';
    return new ResourceError(`Cannot ${this.what}: ${fault.message}`, {
      code: 'hub-unreachable',
      hint: `check the connection and run it again${wait}; what was downloaded is kept`,
      cause: fault,
    });
  }
}

/** Does `attempt` until it succeeds, as `Attempts` allows. */
export async function withAttempts<T>(
  what: string,
  { tuning, onNotice }: { readonly tuning: Tuning; readonly onNotice: ((line: string) => void) | undefined },
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  const attempts = new Attempts(what, tuning, onNotice);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await attempts.failed(error, signal);
    }
  }
}

/** Rejects with the signal's reason as soon as it is aborted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** `Retry-After`: seconds, or a date. */
export function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const seconds = Number(header);
  if (header.trim() !== '' && Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
