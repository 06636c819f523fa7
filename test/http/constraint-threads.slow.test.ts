/** Threads run what was built: `npm run build` first. */
import { expect, it } from 'vitest';
import { compileConstraint } from '../../src/engine/constraint/compile-constraint.ts';
import { constraintTokenizer } from '../engine/constraint/random-answer.ts';

const { ConstraintThreads } = await import(
  new URL('../../dist/server/constraint-threads.js', import.meta.url).href
);
const tokenizer = constraintTokenizer();
const never = new AbortController().signal;
/** More than a second of work. */
const slow = { type: 'regex', pattern: '\\p{L}{0,3900}' } as const;
const quick = { type: 'choice', choices: ['yes', 'no'] } as const;

it('gives what the main thread would, tokens of grammars and errors too', async () => {
  const threads = new ConstraintThreads();
  const token = tokenizer.pieceOf(65);
  const good = { type: 'grammar', gbnf: 'root ::= <[65]> | "b"' } as const;
  const { automaton } = await threads.compile(good, tokenizer, 'a', never);
  expect([token, automaton.classOf.length, automaton.bytes.rows.length > 0]).toEqual([token, 256, true]);
  for (const bad of [
    { type: 'grammar', gbnf: 'root ::= <[999999]>' },
    { type: 'regex', pattern: '(' },
    { type: 'json-schema', schema: { $ref: '#' } },
    { type: 'tools', tools: [{ name: 'a', parameters: { $dynamicRef: '#x' } }], choice: 'auto' },
  ] as const) {
    let expected: unknown;
    try {
      compileConstraint(bad, tokenizer);
    } catch (error) {
      expected = error;
    }
    const { message, code, hint } = expected as { message: string; code: string; hint?: string };
    await expect(threads.compile(bad, tokenizer, 'a', never)).rejects.toMatchObject({ message, code, hint });
  }
});

it('lets a client have one at a time, so that another does not wait for it', async () => {
  const threads = new ConstraintThreads();
  const done: string[] = [];
  const all = [slow, slow].map(async (spec) => {
    await threads.compile(spec, tokenizer, 'greedy', never);
    done.push('greedy');
  });
  await threads.compile(quick, tokenizer, 'other', never);
  done.push('other');
  await Promise.all(all);
  expect(done).toEqual(['other', 'greedy', 'greedy']);
});

it('stops when nobody waits, and works for the next', async () => {
  const threads = new ConstraintThreads();
  const left = new AbortController();
  const running = threads.compile(slow, tokenizer, 'a', left.signal);
  const waiting = threads.compile(slow, tokenizer, 'a', left.signal);
  setTimeout(() => left.abort(new Error('left')), 50);
  await expect(running).rejects.toThrow('left');
  await expect(waiting).rejects.toThrow('left');
  expect(await threads.compile(quick, tokenizer, 'a', never)).toBeDefined();
});

it('has at most 16 of a client waiting', async () => {
  const threads = new ConstraintThreads();
  const left = new AbortController();
  const all = Array.from({ length: 17 }, () => threads.compile(slow, tokenizer, 'a', left.signal));
  const settled = Promise.allSettled(all);
  await expect(threads.compile(quick, tokenizer, 'a', never)).rejects.toMatchObject({
    details: { status: 429 },
  });
  left.abort(new Error('left'));
  for (const one of await settled) expect(one.status).toBe('rejected');
});
