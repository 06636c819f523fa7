import { InternalError } from '../core/errors.ts';
import { PAGE_SIZE } from '../graph/ops/cached-attention.ts';
import type { LoopRequest } from './loop-request.ts';
import type { PagePool, PageTable } from './page-pool.ts';

/** A request on its way: waiting without pages, or running with a table of them. */
export interface Entry {
  readonly request: LoopRequest;
  /** Smaller is older. A request that gave way keeps its place. */
  readonly arrival: number;
  table: PageTable | undefined;
  /** Tokens whose keys and values are in the cache. */
  numComputed: number;
}

/** One request's share of a step. */
export interface Share {
  readonly entry: Entry;
  readonly table: PageTable;
  readonly count: number;
}

export interface SchedulerOptions {
  readonly pool: PagePool;
  /** Tokens in one step, all requests together. */
  readonly maxStepTokens: number;
  /** Requests in one step. */
  readonly maxParallel: number;
  /** Rows of logits that one step may give beyond one for each request. */
  readonly maxStepRows: number;
}

/**
 * Who computes how many tokens in the next step. Requests that only need their next token always get it; what is left of
 * the step goes to prompts. A request that finds no page takes those of younger ones, which start again later; its tokens
 * are kept, so nothing is lost but time. The oldest request always gets on, so all do.
 */
export class Scheduler {
  private readonly options: SchedulerOptions;
  private readonly waiting: Entry[] = [];
  /** Oldest first. */
  private readonly running: Entry[] = [];
  /** Waiting and running requests of each client. */
  private readonly numByClient = new Map<string, number>();
  private numArrived = 0;

  constructor(options: SchedulerOptions) {
    this.options = options;
  }

  get numWaiting(): number {
    return this.waiting.length;
  }

  get numRunning(): number {
    return this.running.length;
  }

  /** Waiting and running requests of a client. */
  numOf(client: string): number {
    return this.numByClient.get(client) ?? 0;
  }

  /** All requests, running ones first. */
  get entries(): readonly Entry[] {
    return [...this.running, ...this.waiting];
  }

  add(request: LoopRequest): void {
    this.waiting.push({ request, arrival: this.numArrived++, table: undefined, numComputed: 0 });
    this.count(request, 1);
  }

  /** Gives the pages of a request back; false if it was removed before. */
  remove(entry: Entry): boolean {
    const list = entry.table ? this.running : this.waiting;
    const index = list.indexOf(entry);
    if (index < 0) return false;
    list.splice(index, 1);
    this.count(entry.request, -1);
    entry.table?.close();
    entry.table = undefined;
    return true;
  }

  private count(request: LoopRequest, change: number): void {
    const client = clientOf(request);
    const count = this.numOf(client) + change;
    if (count > 0) this.numByClient.set(client, count);
    else this.numByClient.delete(client);
  }

  /** The next step; empty while every request is paused or busy. `prefillBudget`: tokens of prompts while others await their next token. */
  plan(prefillBudget: number): Share[] {
    this.admit();
    const ready = this.running.filter(({ request }) => !request.isPaused && !request.isBusy);
    const prompts = ready.filter(isPrefilling);
    const numNext = ready.length - prompts.length;
    const left = Math.max(0, this.options.maxStepTokens - numNext);
    const counts = shareOut(prompts, numNext > 0 ? Math.min(left, prefillBudget) : left);

    let rowsLeft = this.options.maxStepRows;
    const shares: Share[] = [];
    for (const entry of ready) {
      let count = isPrefilling(entry) ? (counts.get(entry) ?? 0) : 1;
      const rows = rowsWanted(entry, count);
      if (rows > 1) {
        count -= Math.max(0, rows - 1 - rowsLeft);
        rowsLeft -= Math.max(0, rowsWanted(entry, count) - 1);
      }
      if (count === 0 || !entry.table) continue;
      if (this.makeRoom(entry, entry.table, count)) shares.push({ entry, table: entry.table, count });
    }
    if (shares.length === 0 && ready.length > 0)
      throw new InternalError(`${ready.length} requests do not fit into ${this.options.pool.numPages} pages`);
    return shares;
  }

  /** Start what there are places and pages for. */
  private admit(): void {
    for (;;) {
      const next = this.nextWaiting();
      if (!next) return;
      if (this.running.length >= this.options.maxParallel) {
        // A request that is paused keeps its place only while nobody else wants it.
        const idle =
          this.running.findLast(({ request }) => request.isPaused) ??
          this.beyondShare(clientOf(next.request));
        if (!idle) return;
        this.preempt(idle);
      }
      const { request } = next;
      const table = this.options.pool.open(
        request.tokens.slice(0, request.firstLogits + 1),
        request.cacheSalt,
      );
      const wanted = pagesFor(request.tokens.length + 1) - table.pages.length;
      if (this.running.length > 0 && wanted > this.options.pool.numAvailable - this.numPromised()) {
        table.close();
        return;
      }
      this.waiting.splice(this.waiting.indexOf(next), 1);
      next.table = table;
      next.numComputed = table.numCached;
      const place = this.running.findIndex(({ arrival }) => arrival > next.arrival);
      this.running.splice(place < 0 ? this.running.length : place, 0, next);
      request.onProgress(table.numCached);
    }
  }

  /** The youngest request of a client that has at least two more running than `client`: places are for all clients. */
  private beyondShare(client: string): Entry | undefined {
    const numRunning = this.numRunningByClient();
    const [greediest, most] = [...numRunning].reduce((a, b) => (b[1] > a[1] ? b : a));
    if (most < (numRunning.get(client) ?? 0) + 2) return undefined;
    return this.running.findLast(({ request }) => clientOf(request) === greediest);
  }

  private numRunningByClient(): Map<string, number> {
    const numRunning = new Map<string, number>();
    for (const { request } of this.running)
      numRunning.set(clientOf(request), (numRunning.get(clientOf(request)) ?? 0) + 1);
    return numRunning;
  }

  /** Of the clients that wait, the one with the fewest running requests goes next; then its priorities count, then age. */
  private nextWaiting(): Entry | undefined {
    const numRunning = this.numRunningByClient();
    const turnOf = ({ request, arrival }: Entry): number[] => [
      numRunning.get(clientOf(request)) ?? 0,
      request.priority ?? 0,
      arrival,
    ];
    let best: Entry | undefined;
    for (const entry of this.waiting) {
      if (entry.request.isPaused) continue;
      if (!best || isEarlier(turnOf(entry), turnOf(best))) best = entry;
    }
    return best;
  }

  /** Pages that running requests will want for what is known of them. */
  private numPromised(): number {
    return this.running.reduce(
      (sum, { request, table }) =>
        sum + Math.max(0, pagesFor(request.tokens.length + 1) - (table?.pages.length ?? 0)),
      0,
    );
  }

  /** Pages for a share; requests that are paused give theirs up first, then the youngest. */
  private makeRoom(entry: Entry, table: PageTable, count: number): boolean {
    while (!table.reserve(entry.numComputed + count)) {
      const victim =
        this.running.findLast((other) => other !== entry && other.request.isPaused) ??
        this.running.findLast((other) => other.arrival > entry.arrival);
      if (!victim) return false;
      this.preempt(victim);
    }
    return true;
  }

  private preempt(entry: Entry): void {
    this.running.splice(this.running.indexOf(entry), 1);
    entry.table?.close();
    entry.table = undefined;
    entry.numComputed = 0;
    this.waiting.push(entry);
  }
}

/**
 * Tokens of prompts for one step: the oldest prompt gets at least half of them, the others the rest, those with the least
 * left first, so that a short prompt does not wait for a long one and a long one still ends.
 */
function shareOut(prompts: readonly Entry[], budget: number): ReadonlyMap<Entry, number> {
  const counts = new Map<Entry, number>();
  let left = budget;
  const give = (entry: Entry, most: number): void => {
    const count = Math.min(most, left, tokensLeft(entry) - (counts.get(entry) ?? 0));
    counts.set(entry, (counts.get(entry) ?? 0) + count);
    left -= count;
  };
  if (prompts.length > 0) give(prompts[0], Math.ceil(budget / 2));
  for (const entry of [...prompts].sort((a, b) => tokensLeft(a) - tokensLeft(b))) give(entry, left);
  return counts;
}

function tokensLeft({ request, numComputed }: Entry): number {
  return request.tokens.length - numComputed;
}

function isPrefilling(entry: Entry): boolean {
  return tokensLeft(entry) > 1;
}

/** Rows of logits that the next `count` tokens of a request give. */
function rowsWanted({ request, numComputed }: Entry, count: number): number {
  return Math.max(0, numComputed + count - Math.max(numComputed, request.firstLogits));
}

/** Whether the first difference of two lists is for the first one. */
function isEarlier(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at >= 0 && a[at] < b[at];
}

function pagesFor(numTokens: number): number {
  return Math.ceil(numTokens / PAGE_SIZE);
}

function clientOf(request: LoopRequest): string {
  return request.client ?? '';
}
