import { describe, expect, it } from 'vitest';
import type { LoopRequest } from '../../src/engine/loop-request.ts';
import { PagePool } from '../../src/engine/page-pool.ts';
import { Scheduler, type Share } from '../../src/engine/scheduler.ts';
import { PAGE_SIZE } from '../../src/graph/ops/cached-attention.ts';

interface FakeRequest extends LoopRequest {
  readonly name: string;
  tokens: number[];
  isPaused: boolean;
}

let numFakes = 0;

/** A request that only wants its next token, always. */
function fake(name: string, length: number, more: Partial<FakeRequest> = {}): FakeRequest {
  const first = ++numFakes * 1000;
  return {
    name,
    tokens: Array.from({ length }, (_, i) => first + i),
    get firstLogits() {
      return this.tokens.length - 1;
    },
    signal: undefined,
    isPaused: false,
    onLogits: () => true,
    onProgress() {},
    onStep() {},
    onEnd() {},
    ...more,
  };
}

function setUp(options: {
  numPages?: number;
  maxStepTokens?: number;
  maxParallel?: number;
  maxStepRows?: number;
}) {
  const { numPages = 100, maxStepTokens = 512, maxParallel = 8, maxStepRows = 1000 } = options;
  const pool = new PagePool(numPages);
  return { pool, scheduler: new Scheduler({ pool, maxStepTokens, maxParallel, maxStepRows }) };
}

const names = (shares: readonly Share[]): string[] =>
  shares.map(({ entry, count }) => `${(entry.request as FakeRequest).name}:${count}`);

/** What running a step does, less the model. */
function run(shares: readonly Share[]): string[] {
  for (const { entry, table, count } of shares) {
    entry.numComputed += count;
    table.commit(entry.request.tokens, entry.numComputed);
    const request = entry.request as FakeRequest;
    if (entry.numComputed === request.tokens.length) request.tokens.push(0);
  }
  return names(shares);
}

describe('Scheduler', () => {
  it('a long prompt goes along with next tokens in pieces, and alone in one', () => {
    const { scheduler } = setUp({});
    scheduler.add(fake('a', 1));
    run(scheduler.plan(16));
    scheduler.add(fake('long', 1000));
    expect(run(scheduler.plan(16))).toEqual(['a:1', 'long:16']);
    expect(run(scheduler.plan(32))).toEqual(['a:1', 'long:32']);
    const alone = setUp({});
    alone.scheduler.add(fake('long', 1000));
    expect(run(alone.scheduler.plan(16))).toEqual(['long:512']);
  });

  it('a short prompt overtakes a long one, which still gets half of every step', () => {
    const { scheduler } = setUp({ maxStepTokens: 100 });
    scheduler.add(fake('long', 1000));
    run(scheduler.plan(16));
    scheduler.add(fake('short', 40));
    scheduler.add(fake('middle', 400));
    expect(run(scheduler.plan(16))).toEqual(['long:50', 'short:40', 'middle:10']);
  });

  it('a client with many requests does not keep another from its turn', () => {
    const { scheduler } = setUp({ maxParallel: 2 });
    for (let i = 0; i < 5; i++) scheduler.add(fake(`greedy${i}`, 1, { client: 'greedy' }));
    run(scheduler.plan(16));
    scheduler.add(fake('modest', 1, { client: 'modest' }));
    // Both places were greedy's; the younger request gives its own up, and starts again later with the tokens it has.
    const shares = scheduler.plan(16);
    expect(names(shares)).toEqual(['greedy0:1', 'modest:1']);
    scheduler.remove(shares[0].entry);
    expect(names(scheduler.plan(16))).toEqual(['greedy1:2', 'modest:1']);
  });

  it('of a client’s requests that wait, the one with the lowest priority number goes first, then the oldest', () => {
    const { scheduler } = setUp({ maxParallel: 1 });
    scheduler.add(fake('running', 1));
    run(scheduler.plan(16));
    scheduler.add(fake('late', 1, { priority: 5 }));
    scheduler.add(fake('usual', 1));
    scheduler.add(fake('second', 1, { priority: -1 }));
    scheduler.add(fake('third', 1, { priority: -1 }));
    const order: string[] = [];
    for (let i = 0; i < 5; i++) {
      const [{ entry }] = scheduler.plan(16);
      order.push((entry.request as FakeRequest).name);
      scheduler.remove(entry);
    }
    expect(order).toEqual(['running', 'second', 'third', 'usual', 'late']);
  });

  it('a low priority number takes no turn from another client', () => {
    const { scheduler } = setUp({ maxParallel: 2 });
    for (let i = 0; i < 3; i++) scheduler.add(fake(`pushy${i}`, 1, { client: 'pushy', priority: -9 }));
    scheduler.add(fake('modest', 1, { client: 'modest', priority: 9 }));
    expect(names(scheduler.plan(16))).toEqual(['pushy0:1', 'modest:1']);
  });

  it('admits a request only when there are pages for its prompt and for what was promised to others', () => {
    const { scheduler } = setUp({ numPages: 4, maxStepTokens: PAGE_SIZE });
    scheduler.add(fake('a', 3 * PAGE_SIZE));
    scheduler.add(fake('b', PAGE_SIZE + 1));
    run(scheduler.plan(16));
    expect(scheduler.numRunning).toBe(1);
    expect(scheduler.numWaiting).toBe(1);
  });

  it('under pressure the youngest gives way, keeps its tokens, and comes back in its place', () => {
    const { scheduler, pool } = setUp({ numPages: 2 });
    const a = fake('a', PAGE_SIZE - 1);
    const b = fake('b', PAGE_SIZE - 1);
    scheduler.add(a);
    scheduler.add(b);
    run(scheduler.plan(16));
    run(scheduler.plan(16));
    // Both want a second page and there is none.
    expect(run(scheduler.plan(16))).toEqual(['a:1']);
    expect(scheduler.numWaiting).toBe(1);
    expect(b.tokens).toHaveLength(PAGE_SIZE + 1);
    scheduler.remove(scheduler.entries.find(({ request }) => request === a) as Share['entry']);
    expect(run(scheduler.plan(16))).toEqual([`b:${PAGE_SIZE + 1}`]);
    for (const entry of scheduler.entries) scheduler.remove(entry);
    expect(pool.numAvailable).toBe(2);
  });

  it('a paused request gets no step, and yields its place and its pages when others need them', () => {
    const { scheduler } = setUp({ maxParallel: 1, numPages: 2 });
    const slow = fake('slow', 1);
    scheduler.add(slow);
    run(scheduler.plan(16));
    slow.isPaused = true;
    expect(scheduler.plan(16)).toEqual([]);
    scheduler.add(fake('other', PAGE_SIZE + 1));
    expect(run(scheduler.plan(16))).toEqual([`other:${PAGE_SIZE + 1}`]);
    slow.isPaused = false;
    expect(run(scheduler.plan(16))).toEqual(['other:1']);
    scheduler.remove(scheduler.entries[0]);
    expect(run(scheduler.plan(16))).toEqual(['slow:2']);
  });

  it('gives at most so many rows of logits in one step, however many requests want them', () => {
    const { scheduler } = setUp({ maxStepRows: 10 });
    for (const name of ['a', 'b', 'c']) scheduler.add(fake(name, 50, { firstLogits: 0 }));
    const counts = run(scheduler.plan(16)).map((text) => Number(text.split(':')[1]));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(10 + 3);
  });
});
