import type { Executable } from '../backend/backend.ts';
import { InternalError, ResourceError } from '../core/errors.ts';
import type { PagePool, PageTable } from './page-pool.ts';
import type { ExpertIds, Routing } from './routing.ts';

/** What the loop asks of a request: which tokens there are, and what to do with logits. */
export interface LoopRequest {
  /** Prompt and everything generated so far. */
  readonly tokens: readonly number[];
  /** Logits are wanted for positions from here on; generation wants the last one only. */
  readonly firstLogits: number;
  readonly signal: AbortSignal | undefined;
  /** `onLogits` is told where the position was routed. */
  readonly wantsRouting?: boolean;
  /** Logits of one position. The request may append a token; it returns false when it wants no more. */
  onLogits(position: number, logits_V: Float32Array, experts_LK?: ExpertIds): boolean;
  onProgress(numComputed: number): void;
  onEnd(error?: unknown): void;
}

interface Running {
  readonly request: LoopRequest;
  table: PageTable;
  numComputed: number;
}

/** Floats of logits that one step may give for scoring: 64 MB. */
const MAX_STEP_LOGITS = 2 ** 24;

/** Outputs of the program by name; see `inferenceGraph`. */
type StepOutputs = Readonly<Record<string, Float32Array>>;

/** One request's share of a step. */
interface Share {
  readonly running: Running;
  readonly count: number;
}

export interface LoopOptions {
  readonly executable: Executable;
  readonly pool: PagePool;
  readonly routing: Routing;
  readonly pagesPerSequence: number;
  readonly vocabSize: number;
  /** Tokens in one step, all requests together. A long prompt is cut into pieces of at most this. */
  readonly maxStepTokens: number;
  /** Requests in one step. */
  readonly maxParallel: number;
}

/**
 * All requests at once: schedule, run, deliver. Runs while there are requests and sleeps otherwise. A request that finds
 * no page waits, or gives way to an older one and starts again; its tokens are kept, so nothing is lost but time.
 */
export class Loop {
  private readonly options: LoopOptions;
  private readonly waiting: LoopRequest[] = [];
  private running: Running[] = [];
  private active: Promise<void> | undefined;
  private isClosed = false;
  private progressMs = 0;

  constructor(options: LoopOptions) {
    this.options = options;
  }

  /** Time since the last step ended, while there is something to do; 0 otherwise. */
  get stalledMs(): number {
    return this.active ? performance.now() - this.progressMs : 0;
  }

  get numWaiting(): number {
    return this.waiting.length;
  }

  get numRunning(): number {
    return this.running.length;
  }

  add(request: LoopRequest): void {
    if (this.isClosed)
      throw new ResourceError('The model is closed', { code: 'closed', hint: 'open it again' });
    this.waiting.push(request);
    if (!this.active) this.progressMs = performance.now();
    this.active ??= this.drive();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const error = new ResourceError('The model was closed while it was answering', { code: 'closed' });
    for (const request of this.waiting.splice(0)) request.onEnd(error);
    for (const running of [...this.running]) this.finish(running, error);
    await this.active;
  }

  private async drive(): Promise<void> {
    // Requests that arrive in the same turn of the event loop start in the same step.
    await Promise.resolve();
    while (this.waiting.length + this.running.length > 0) {
      try {
        await this.step();
        this.progressMs = performance.now();
      } catch (error) {
        for (const running of [...this.running]) this.finish(running, error);
      }
    }
    this.active = undefined;
  }

  private async step(): Promise<void> {
    this.dropAborted();
    this.admit();
    const shares = this.schedule();
    if (shares.length === 0) return;
    const outputs = await this.run(shares);
    this.deliver(shares, outputs);
  }

  private dropAborted(): void {
    for (const running of this.running.filter(({ request }) => request.signal?.aborted)) {
      this.finish(running, running.request.signal?.reason);
    }
    for (const request of this.waiting.filter(({ signal }) => signal?.aborted)) {
      this.waiting.splice(this.waiting.indexOf(request), 1);
      request.onEnd(request.signal?.reason);
    }
  }

  private admit(): void {
    while (this.waiting.length > 0 && this.running.length < this.options.maxParallel) {
      const request = this.waiting.shift() as LoopRequest;
      const table = this.options.pool.open(request.tokens.slice(0, request.firstLogits + 1));
      this.running.push({ request, table, numComputed: table.numCached });
      request.onProgress(table.numCached);
    }
  }

  /** Who computes how many tokens now. Oldest first; those that only need their next token take little and go first. */
  private schedule(): Share[] {
    let budget = this.options.maxStepTokens;
    const byNeed = [...this.running].sort((a, b) => Number(isPrefilling(a)) - Number(isPrefilling(b)));
    const shares: Share[] = [];
    for (const running of byNeed) {
      if (budget === 0) break;
      if (!this.running.includes(running)) continue;
      const wanted = running.request.tokens.length - running.numComputed;
      const count = Math.min(budget, wanted, this.maxLogitRows(running));
      if (!this.makeRoom(running, running.numComputed + count, shares)) continue;
      shares.push({ running, count });
      budget -= count;
    }
    return shares.filter(({ running }) => this.running.includes(running));
  }

  /** Logits of a whole text at once would take more memory than the model; a step gives at most this many rows. */
  private maxLogitRows({ request, numComputed }: Running): number {
    const wantsRowsSoon =
      request.firstLogits < request.tokens.length - 1 && request.firstLogits <= numComputed;
    if (!wantsRowsSoon) return Number.POSITIVE_INFINITY;
    return Math.max(1, Math.floor(MAX_STEP_LOGITS / this.options.vocabSize));
  }

  /** Pages for a request; younger requests that have no share of this step yet give theirs up if need be. */
  private makeRoom(running: Running, numTokens: number, shares: readonly Share[]): boolean {
    while (!running.table.reserve(numTokens)) {
      const busy = new Set(shares.map((share) => share.running));
      const victim = this.running.findLast(
        (other) => other !== running && !busy.has(other) && other.table.pages.length > 0,
      );
      const isYoungest = this.running.indexOf(running) === this.running.length - 1;
      if (victim && !isYoungest) {
        this.preempt(victim);
        continue;
      }
      if (shares.length > 0 || this.running.length > 1) {
        this.preempt(running);
        return false;
      }
      throw new InternalError(`a single request does not fit into ${this.options.pool.numPages} pages`);
    }
    return true;
  }

  private preempt(running: Running): void {
    running.table.close();
    this.running.splice(this.running.indexOf(running), 1);
    this.waiting.unshift(running.request);
  }

  private async run(shares: readonly Share[]): Promise<StepOutputs> {
    const numTokens = shares.reduce((sum, share) => sum + share.count, 0);
    const tokens_T = new Int32Array(numTokens);
    const positions_T = new Int32Array(numTokens);
    const sequences_T = new Int32Array(numTokens);
    const pages_BP = new Int32Array(shares.length * this.options.pagesPerSequence);
    const outputRows: number[] = [];
    let t = 0;
    shares.forEach(({ running, count }, sequence) => {
      const { request, table, numComputed } = running;
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
    const signal = shares.length === 1 ? shares[0].running.request.signal : undefined;
    const isRoutingWanted = shares.some(({ running }) => running.request.wantsRouting);
    const wanted = isRoutingWanted ? ['logits', ...this.options.routing.outputs] : ['logits'];
    return await this.options.executable.run(inputs, bindings, signal, wanted);
  }

  private deliver(shares: readonly Share[], outputs: StepOutputs): void {
    const { vocabSize, routing } = this.options;
    let row = 0;
    for (const { running, count } of shares) {
      const { request } = running;
      const first = running.numComputed;
      running.numComputed += count;
      running.table.commit(request.tokens, running.numComputed);
      const rows: number[] = [];
      for (let position = first; position < first + count; position++)
        if (position >= request.firstLogits) rows.push(position);
      const start = row;
      row += rows.length;
      if (!this.running.includes(running)) continue;
      try {
        request.onProgress(running.numComputed);
        const wantsMore = rows.every((position, i) =>
          request.onLogits(
            position,
            outputs.logits.subarray((start + i) * vocabSize, (start + i + 1) * vocabSize),
            request.wantsRouting ? routing.read(outputs, start + i) : undefined,
          ),
        );
        if (!wantsMore) this.finish(running);
      } catch (error) {
        this.finish(running, error);
      }
    }
  }

  private finish(running: Running, error?: unknown): void {
    const index = this.running.indexOf(running);
    if (index < 0) return;
    this.running.splice(index, 1);
    running.table.close();
    running.request.onEnd(error);
  }
}

function isPrefilling(running: Running): boolean {
  return running.request.tokens.length - running.numComputed > 1;
}
