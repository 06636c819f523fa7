import type { Executable } from '../backend/backend.ts';
import { ResourceError } from '../core/errors.ts';
import { Turns } from '../core/turns.ts';
import type { LoopRequest } from './loop-request.ts';
import { Pace } from './pace.ts';
import type { PagePool } from './page-pool.ts';
import type { Routing } from './routing.ts';
import { SamplerScratch } from './sampler.ts';
import { type Entry, Scheduler, type Share } from './scheduler.ts';

/** Floats of logits that one step may give for scoring: 64 MB. */
const MAX_STEP_LOGITS = 2 ** 24;

/** Outputs of the program by name; see `inferenceGraph`. */
type StepOutputs = Readonly<Record<string, Float32Array>>;

export interface LoopOptions {
  readonly executable: Executable;
  readonly pool: PagePool;
  readonly routing: Routing;
  readonly pagesPerSequence: number;
  readonly vocabSize: number;
  /** D */
  readonly hiddenSize: number;
  /** Tokens in one step, all requests together. A long prompt is prefilled in chunks of at most this. */
  readonly maxStepTokens: number;
  /** Requests in one step. */
  readonly maxParallel: number;
}

/** All requests at once: plan a step, run it, deliver. Runs while there is something to do and sleeps otherwise. */
export class Loop {
  readonly pool: PagePool;
  /** For work that would delay the next step, and everything else on this thread. */
  readonly turns = new Turns();
  /** Tokens are chosen one after the other. */
  readonly scratch = new SamplerScratch();
  private readonly options: LoopOptions;
  private readonly scheduler: Scheduler;
  private active: Promise<void> | undefined;
  private isClosed = false;
  /** When the last step ended, or the first of several began. */
  private progressMs = 0;
  private isAsleep = false;
  private isWoken = false;
  private wakeUp: (() => void) | undefined;
  private readonly pace = new Pace();
  /** Why the last step failed, until one succeeds. */
  private failure: unknown;

  constructor(options: LoopOptions) {
    this.options = options;
    this.pool = options.pool;
    this.scheduler = new Scheduler({
      ...options,
      maxStepRows: Math.max(1, Math.floor(MAX_STEP_LOGITS / options.vocabSize)),
    });
  }

  /** Why the last step failed; undefined once a step has succeeded. A signal that ended a step is not a failure. */
  get lastFailure(): unknown {
    return this.failure;
  }

  /** Time since the last step ended, while there is something to do; 0 otherwise. */
  get stalledMs(): number {
    return this.active && !this.isAsleep ? performance.now() - this.progressMs : 0;
  }

  get numWaiting(): number {
    return this.scheduler.numWaiting;
  }

  get numRunning(): number {
    return this.scheduler.numRunning;
  }

  /** How far each running request is, oldest first. */
  get running(): { numTokens: number; numComputed: number }[] {
    const { entries, numRunning } = this.scheduler;
    return entries
      .slice(0, numRunning)
      .map(({ request, numComputed }) => ({ numTokens: request.tokens.length, numComputed }));
  }

  get maxParallel(): number {
    return this.options.maxParallel;
  }

  /** Requests of a client beyond those that could run at once if there were no others. */
  numQueuedOf(client: string): number {
    return Math.max(0, this.scheduler.numOf(client) - this.options.maxParallel);
  }

  add(request: LoopRequest): void {
    if (this.isClosed)
      throw new ResourceError('The model is closed', { code: 'closed', hint: 'open it again' });
    this.scheduler.add(request);
    request.signal?.addEventListener('abort', this.wake, { once: true });
    if (!this.active) this.progressMs = performance.now();
    this.active ??= this.drive();
    this.wake();
  }

  /** Something has changed: look again whether there is a step to make. */
  readonly wake = (): void => {
    this.isWoken = true;
    this.wakeUp?.();
  };

  async close(): Promise<void> {
    this.isClosed = true;
    const error = new ResourceError('The model was closed while it was answering', { code: 'closed' });
    for (const entry of this.scheduler.entries) this.finish(entry, error);
    this.wake();
    await this.active;
  }

  private async drive(): Promise<void> {
    // Requests that arrive in the same turn of the event loop start in the same step.
    await Promise.resolve();
    while (this.scheduler.entries.length > 0) {
      try {
        if (!(await this.step())) await this.sleep();
        this.progressMs = performance.now();
      } catch (error) {
        for (const entry of this.scheduler.entries) this.finish(entry, error);
      }
    }
    this.active = undefined;
  }

  /** False if there was nothing to do: all that is left is paused. */
  private async step(): Promise<boolean> {
    this.isWoken = false;
    this.dropEnded();
    const shares = this.scheduler.plan(this.pace.prefillBudget);
    const startMs = performance.now();
    const running = shares.length > 0 ? this.run(shares) : undefined;
    for (const { request } of this.scheduler.entries) request.onStep();
    if (!running) return false;
    try {
      const outputs = await running;
      this.pace.measure(shares, performance.now() - startMs);
      this.failure = undefined;
      this.deliver(shares, outputs);
    } catch (error) {
      if (!shares.some(({ entry }) => entry.request.signal?.aborted)) this.failure = error;
      for (const { entry } of shares) this.finish(entry, error);
    }
    return true;
  }

  private dropEnded(): void {
    for (const entry of this.scheduler.entries) {
      const { signal, isDone } = entry.request;
      if (signal?.aborted) this.finish(entry, signal.reason);
      else if (isDone) this.finish(entry);
    }
  }

  private async sleep(): Promise<void> {
    if (this.isWoken || this.scheduler.entries.length === 0) return;
    this.isAsleep = true;
    await new Promise<void>((resolve) => {
      this.wakeUp = resolve;
    });
    this.wakeUp = undefined;
    this.isAsleep = false;
  }

  private async run(shares: readonly Share[]): Promise<StepOutputs> {
    const numTokens = shares.reduce((sum, share) => sum + share.count, 0);
    const tokens_T = new Int32Array(numTokens);
    const positions_T = new Int32Array(numTokens);
    const sequences_T = new Int32Array(numTokens);
    const pages_BP = new Int32Array(shares.length * this.options.pagesPerSequence);
    const outputRows: number[] = [];
    let t = 0;
    shares.forEach(({ entry, table, count }, sequence) => {
      const { request, numComputed } = entry;
      pages_BP.set(table.pages, sequence * this.options.pagesPerSequence);
      for (let position = numComputed; position < numComputed + count; position++, t++) {
        tokens_T[t] = request.tokens[position];
        positions_T[t] = position;
        sequences_T[t] = sequence;
        if (position >= request.firstLogits) outputRows.push(t);
      }
    });
    const inputs = {
      tokens: tokens_T,
      positions: positions_T,
      sequences: sequences_T,
      pages: pages_BP,
      outputRows: Int32Array.from(outputRows),
    };
    const bindings = { T: numTokens, B: shares.length, O: outputRows.length };
    // With one request its signal may end the run half-way; with several the others must not suffer.
    const signal = shares.length === 1 ? shares[0].entry.request.signal : undefined;
    const requests = shares.map(({ entry }) => entry.request);
    const wanted = new Set(requests.map(({ wantsHidden }) => (wantsHidden ? 'hidden' : 'logits')));
    const routing = requests.some(({ wantsRouting }) => wantsRouting) ? this.options.routing.outputs : [];
    return await this.options.executable.run(inputs, bindings, signal, [...wanted, ...routing]);
  }

  private deliver(shares: readonly Share[], outputs: StepOutputs): void {
    const { vocabSize, hiddenSize, routing } = this.options;
    let row = 0;
    for (const { entry, table, count } of shares) {
      const { request } = entry;
      const start = row;
      const first = Math.max(entry.numComputed, request.firstLogits);
      const end = entry.numComputed + count;
      row += Math.max(0, end - first);
      // The model may have been closed meanwhile.
      if (entry.table !== table) continue;
      entry.numComputed = end;
      table.commit(request.tokens, end);
      try {
        request.onProgress(end);
        const rows = request.wantsHidden ? outputs.hidden : outputs.logits;
        const width = request.wantsHidden ? hiddenSize : vocabSize;
        let wantsMore = true;
        for (let position = first; position < end && wantsMore; position++) {
          const i = start + position - first;
          wantsMore = request.onLogits(
            position,
            rows.subarray(i * width, (i + 1) * width),
            request.wantsRouting ? routing.read(outputs, i) : undefined,
          );
        }
        if (!wantsMore) this.finish(entry);
      } catch (error) {
        this.finish(entry, error);
      }
    }
  }

  private finish(entry: Entry, error?: unknown): void {
    if (!this.scheduler.remove(entry)) return;
    entry.request.signal?.removeEventListener('abort', this.wake);
    entry.request.onEnd(error);
  }
}
