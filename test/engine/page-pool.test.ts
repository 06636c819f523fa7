import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PagePool, type PageTable } from '../../src/engine/page-pool.ts';
import { PAGE_SIZE } from '../../src/graph/ops/cached-attention.ts';

const text = (length: number, seed = 0): number[] => Array.from({ length }, (_, i) => (i * 31 + seed) % 97);

function compute(pool: PagePool, tokens: number[]): PageTable {
  const table = pool.open(tokens);
  expect(table.reserve(tokens.length)).toBe(true);
  table.commit(tokens, tokens.length);
  return table;
}

describe('PagePool', () => {
  it('a second request finds the full pages of the first, but computes at least one token', () => {
    const pool = new PagePool(10);
    const tokens = text(2 * PAGE_SIZE);
    compute(pool, tokens).close();
    expect(pool.open(tokens).numCached).toBe(PAGE_SIZE);
    expect(pool.open([...tokens, 1]).numCached).toBe(2 * PAGE_SIZE);
    expect(pool.open([9, ...tokens]).numCached).toBe(0);
  });

  it('two requests with one beginning use the same pages at the same time', () => {
    const pool = new PagePool(10);
    const tokens = text(PAGE_SIZE + 5);
    const first = compute(pool, tokens);
    const second = compute(pool, tokens);
    expect(second.pages[0]).toBe(first.pages[0]);
    expect(second.pages[1]).not.toBe(first.pages[1]);
  });

  it('two that computed one beginning side by side end up sharing it', () => {
    const pool = new PagePool(10);
    const tokens = text(PAGE_SIZE + 5);
    const tables = [pool.open(tokens), pool.open(tokens)];
    for (const table of tables) table.reserve(tokens.length);
    for (const table of tables) table.commit(tokens, tokens.length);
    expect(tables[0].pages[0]).toBe(tables[1].pages[0]);
    for (const table of tables) table.close();
    expect(pool.numFree).toBe(9);
  });

  it('cached prefixes give way to new requests, the least recently used first', () => {
    const pool = new PagePool(3);
    const prefixes = [text(PAGE_SIZE + 1, 1), text(PAGE_SIZE + 1, 2)];
    for (const tokens of prefixes) compute(pool, tokens).close();
    pool.open(prefixes[0]).close();
    const table = pool.open(text(5, 3));
    expect(table.reserve(2 * PAGE_SIZE)).toBe(true);
    expect(pool.open(prefixes[1]).numCached).toBe(0);
    expect(pool.open(prefixes[0]).numCached).toBe(PAGE_SIZE);
  });

  it('a full pool says so instead of taking a page in use', () => {
    const pool = new PagePool(2);
    const table = compute(pool, text(2 * PAGE_SIZE));
    expect(pool.open([1]).reserve(1)).toBe(false);
    table.close();
    expect(pool.open([1]).reserve(1)).toBe(true);
  });

  it('no page is ever lost or used twice, whatever comes and goes', () => {
    const action = fc.record({
      close: fc.boolean(),
      which: fc.nat(),
      length: fc.integer({ min: 1, max: 4 * PAGE_SIZE }),
      seed: fc.nat(2),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const pool = new PagePool(8);
        const open: PageTable[] = [];
        for (const { close, which, length, seed } of actions) {
          if (close && open.length > 0) open.splice(which % open.length, 1)[0].close();
          else {
            const tokens = text(length, seed);
            const table = pool.open(tokens);
            if (table.reserve(length)) {
              table.commit(tokens, length);
              open.push(table);
            } else table.close();
          }
          const writable = open.flatMap((table) => table.pages.slice(table.numCached / PAGE_SIZE));
          const shared = new Set(open.flatMap((table) => table.pages.slice(0, table.numCached / PAGE_SIZE)));
          expect(new Set(writable).size).toBe(writable.length);
          expect(writable.some((page) => shared.has(page))).toBe(false);
        }
        for (const table of open) table.close();
        let count = 0;
        while (pool.take() !== undefined) count++;
        expect(count).toBe(8);
      }),
    );
  });
});

describe('PagePool with limits', () => {
  it('keeps no more than its budget of pages that nobody uses, the least recently used go first', () => {
    const pool = new PagePool(10, 2);
    for (const seed of [1, 2, 3]) compute(pool, text(PAGE_SIZE + 1, seed)).close();
    expect(pool.numIdle).toBe(2);
    expect(pool.open(text(PAGE_SIZE + 1, 1)).numCached).toBe(0);
    expect(pool.open(text(PAGE_SIZE + 1, 3)).numCached).toBe(PAGE_SIZE);
    const none = new PagePool(10, 0);
    compute(none, text(3 * PAGE_SIZE)).close();
    expect(none.numFree).toBe(10);
  });

  it('shares prefixes only between requests of one salt', () => {
    const pool = new PagePool(10);
    const tokens = text(PAGE_SIZE + 1);
    const table = pool.open(tokens, 'mine');
    table.reserve(tokens.length);
    table.commit(tokens, tokens.length);
    table.close();
    expect(pool.open(tokens, 'mine').numCached).toBe(PAGE_SIZE);
    expect(pool.open(tokens, 'yours').numCached).toBe(0);
    expect(pool.open(tokens).numCached).toBe(0);
  });
});
