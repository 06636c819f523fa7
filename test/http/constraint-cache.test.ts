import { describe, expect, it } from 'vitest';
import { ConstraintCache } from '../../src/server/constraint-cache.ts';
import { constraintTokenizer } from '../engine/constraint/random-answer.ts';

const tokenizer = constraintTokenizer();
const wanted = (i: number) =>
  ({ spec: { type: 'json-schema', schema: { type: 'string', maxLength: i } }, param: 'x' }) as const;
const asker = () => ({ client: 'a', signal: new AbortController().signal });

describe('the cache of constraints', () => {
  it('compiles what several ask for at once only once, and keeps it', async () => {
    const cache = new ConstraintCache();
    const [a, b] = await Promise.all([1, 2].map(() => cache.get(wanted(5), tokenizer, asker())));
    expect(a).toBe(b);
    expect(await cache.get(wanted(5), tokenizer, asker())).toBe(a);
  });

  it('counts bytes, masks that were found later included, and drops what was not used for longest', async () => {
    const cache = new ConstraintCache(300_000);
    const [first, second] = [
      await cache.get(wanted(1), tokenizer, asker()),
      await cache.get(wanted(2), tokenizer, asker()),
    ];
    const before = cache.sizeBytes;
    first.start().mask();
    expect(cache.sizeBytes).toBeGreaterThan(before);
    expect(await cache.get(wanted(1), tokenizer, asker())).toBe(first);
    for (let i = 3; cache.sizeBytes + second.sizeBytes < 290_000; i++)
      (await cache.get(wanted(i), tokenizer, asker())).start().mask();
    for (let i = 1000; i < 1020; i++) await cache.get(wanted(i), tokenizer, asker());
    expect(cache.sizeBytes).toBeLessThan(300_000);
    expect(await cache.get(wanted(2), tokenizer, asker())).not.toBe(second);
  });

  it('refuses more text than can be handed to a thread at once', async () => {
    const huge = { spec: { type: 'choice', choices: ['x'.repeat(2 ** 22)] }, param: 'the_field' } as const;
    await expect(new ConstraintCache().get(huge, tokenizer, asker())).rejects.toMatchObject({
      details: { status: 400, param: 'the_field', code: 'constraint_too_large' },
    });
  });

  it('refuses with the name of the field, and throws the reason for which somebody left', async () => {
    const cache = new ConstraintCache();
    const bad = { spec: { type: 'regex', pattern: '(' }, param: 'the_field' } as const;
    await expect(cache.get(bad, tokenizer, asker())).rejects.toMatchObject({
      details: { status: 400, param: 'the_field' },
    });
    const left = AbortSignal.abort(new Error('left'));
    await expect(cache.get(wanted(6), tokenizer, { client: 'a', signal: left })).rejects.toThrow('left');
    expect(await cache.get(wanted(6), tokenizer, asker())).toBeDefined();
  });
});
