import { uniqueId } from './ids.ts';
import type { Metrics } from './metrics.ts';

/** A line of the request log. There is no text in it, neither of the prompt nor of the answer. */
export interface LogEntry {
  readonly time: string;
  /** Unique. */
  readonly id: string;
  /** The client's own id (`x-request-id`), which several requests may have; the unique one if it gave none. */
  readonly request_id: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  readonly prompt_tokens?: number;
  readonly cached_tokens?: number;
  readonly completion_tokens?: number;
  readonly first_token_ms?: number;
  readonly finish_reasons?: readonly string[];
  readonly error?: string;
}

/** The client left before the answer was complete: nginx's number for it, in the log only. */
export const CLIENT_LEFT = 499;

/** What is measured about one request, from its arrival to the last byte of its answer. */
export class RequestRecord {
  readonly id = uniqueId('req_');
  /** What the answer calls it: the client's own id, if there is one. */
  readonly label: string;
  readonly startMs = performance.now();
  route = 'unknown';
  promptTokens = 0;
  cachedTokens = 0;
  completionTokens = 0;
  finishReasons: string[] = [];
  error: string | undefined;
  /** The answer continues after the handler has returned; its writer calls `end`. */
  isStreaming = false;
  private readonly method: string;
  private readonly metrics: Metrics;
  private readonly onEnd: ((entry: LogEntry) => void) | undefined;
  private firstTokenMs: number | undefined;
  private isEnded = false;

  constructor(
    label: string | undefined,
    method: string,
    metrics: Metrics,
    onEnd: ((entry: LogEntry) => void) | undefined,
  ) {
    this.label = label ?? this.id;
    this.method = method;
    this.metrics = metrics;
    this.onEnd = onEnd;
  }

  onAdmitted(): void {
    this.metrics.queueSeconds.observe((performance.now() - this.startMs) / 1000);
  }

  get hasTokens(): boolean {
    return this.firstTokenMs !== undefined;
  }

  /** Between two tokens of one choice; the caller keeps the time of its last one. */
  onToken(lastMs: number | undefined): number {
    const now = performance.now();
    this.completionTokens++;
    if (this.firstTokenMs === undefined) {
      this.firstTokenMs = now;
      this.metrics.timeToFirstToken.observe((now - this.startMs) / 1000);
    }
    if (lastMs !== undefined) this.metrics.interTokenLatency.observe((now - lastMs) / 1000);
    return now;
  }

  /** All choices of a request have one prompt, which counts once; cached tokens count as the first choice saw them. */
  onPromptEnd(promptTokens: number, cachedTokens: number): void {
    if (this.promptTokens === 0) {
      this.promptTokens = promptTokens;
      this.cachedTokens = cachedTokens;
    }
  }

  /** `numMoreTokens`: tokens that `onToken` did not count, such as the end token. */
  onChoiceEnd(reason: string, numMoreTokens: number, promptPerSecond: number): void {
    this.finishReasons.push(reason);
    this.completionTokens += numMoreTokens;
    if (promptPerSecond > 0) this.metrics.prefillTokensPerSecond.observe(promptPerSecond);
  }

  end(status: number): void {
    if (this.isEnded) return;
    this.isEnded = true;
    const ms = performance.now() - this.startMs;
    const { metrics } = this;
    metrics.requests.add(1, `{route="${this.route}",status="${status}"}`);
    metrics.requestSeconds.observe(ms / 1000, `route="${this.route}"`);
    metrics.promptTokens.add(this.promptTokens);
    metrics.promptTokensCached.add(this.cachedTokens);
    metrics.generationTokens.add(this.completionTokens);
    if (status === CLIENT_LEFT) metrics.requestsCancelled.add();
    this.onEnd?.({
      time: new Date().toISOString(),
      id: this.id,
      request_id: this.label,
      method: this.method,
      route: this.route,
      status,
      ms: Math.round(ms * 10) / 10,
      ...(this.promptTokens > 0 && {
        prompt_tokens: this.promptTokens,
        cached_tokens: this.cachedTokens,
        completion_tokens: this.completionTokens,
      }),
      ...(this.firstTokenMs !== undefined && {
        first_token_ms: Math.round((this.firstTokenMs - this.startMs) * 10) / 10,
      }),
      ...(this.finishReasons.length > 0 && { finish_reasons: this.finishReasons }),
      ...(this.error !== undefined && { error: this.error }),
    });
  }
}
