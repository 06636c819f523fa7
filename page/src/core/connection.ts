import type { ApiClient, ModelInfo, ServerExperts } from './api.ts';
import { ApiError } from './api-error.ts';
import { Observable } from './observable.ts';
import type { Recommended } from './sampling.ts';

export type ServerState =
  | { readonly status: 'connecting' }
  /** It answers, but not yet for the model. `forMs`: since the page first heard so. */
  | { readonly status: 'loading'; readonly message: string; readonly forMs: number }
  | {
      readonly status: 'ready';
      readonly model: ModelInfo;
      readonly models: readonly ModelInfo[];
      readonly experts: ServerExperts | undefined;
      readonly recommended: Recommended;
    }
  | { readonly status: 'needs-key'; readonly wasWrong: boolean }
  /** It is asked again by itself. */
  | { readonly status: 'failed'; readonly message: string; readonly code: string };

const FIRST_DELAY_MS = 1000;
const MAX_DELAY_MS = 30_000;
/** A server that loads is well, and soon ready. */
const MAX_LOADING_DELAY_MS = 5000;

/** Finds out what the server is, and asks again, ever less often, while it is away or loads its model. */
export class Connection {
  readonly state = new Observable<ServerState>({ status: 'connecting' });
  private readonly api: ApiClient;
  private readonly hasKey: () => boolean;
  private numAttempts = 0;
  private numFailures = 0;
  private loadingSinceMs: number | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(api: ApiClient, hasKey: () => boolean) {
    this.api = api;
    this.hasKey = hasKey;
  }

  /** Ask now; `state` has the result. */
  async connect(): Promise<void> {
    clearTimeout(this.timer);
    const attempt = ++this.numAttempts;
    const state = await this.read();
    // Another attempt has begun meanwhile, perhaps with another key.
    if (attempt !== this.numAttempts) return;
    if (state instanceof ApiError) this.fail(state);
    else {
      this.state.set(state);
      this.numFailures = 0;
      this.loadingSinceMs = undefined;
    }
  }

  /** An answer was refused for its key. */
  refuseKey(): void {
    this.state.set({ status: 'needs-key', wasWrong: this.hasKey() });
  }

  /** Wait for the first word of the server, and while it loads. A server that was away is asked once more. */
  async settled(signal: AbortSignal): Promise<void> {
    if (this.state.value.status === 'failed') await this.connect();
    await new Promise<void>((resolve) => {
      const check = (): void => {
        const { status } = this.state.value;
        if (!signal.aborted && (status === 'connecting' || status === 'loading')) return;
        unsubscribe();
        signal.removeEventListener('abort', check);
        resolve();
      };
      const unsubscribe = this.state.subscribe(check);
      signal.addEventListener('abort', check);
      check();
    });
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private async read(): Promise<ServerState | ApiError> {
    try {
      const models = await this.api.models();
      if (!models[0]) throw new ApiError('The server has no model', 'no_model', 200);
      const [experts, recommended] = await Promise.all([this.api.experts(), this.api.recommended()]);
      return { status: 'ready', model: models[0], models, experts, recommended };
    } catch (error) {
      return error instanceof ApiError ? error : new ApiError(String(error), 'internal', 0);
    }
  }

  private fail({ message, code, status, details }: ApiError): void {
    if (status === 401) {
      this.refuseKey();
      return;
    }
    const isLoading = code === 'model_loading';
    this.loadingSinceMs = isLoading ? (this.loadingSinceMs ?? Date.now()) : undefined;
    this.state.set(
      isLoading
        ? { status: 'loading', message, forMs: Date.now() - (this.loadingSinceMs as number) }
        : { status: 'failed', message, code },
    );
    const delayMs = details.retryAfterMs ?? FIRST_DELAY_MS * 2 ** this.numFailures++;
    const most = isLoading ? MAX_LOADING_DELAY_MS : MAX_DELAY_MS;
    this.timer = setTimeout(() => void this.connect(), Math.min(most, Math.max(FIRST_DELAY_MS, delayMs)));
  }
}
