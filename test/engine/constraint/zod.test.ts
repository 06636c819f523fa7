import { expect, it } from 'vitest';
import { z } from 'zod';
import { compileConstraint } from '../../../src/engine/constraint/compile-constraint.ts';
import { constraintTokenizer, randomAnswer } from './random-answer.ts';

const tokenizer = constraintTokenizer();

const category = z.object({
  name: z.string(),
  get children() {
    return z.array(category);
  },
});

// What clients in TypeScript send comes from here; they add patterns and bounds of their own to the schema.
it.each([
  ['int', z.int()],
  [
    'numbers',
    z.object({ a: z.number().positive().max(10), b: z.int().min(3), c: z.int32(), d: z.float64() }),
  ],
  ['email', z.email()],
  ['uuid', z.uuid()],
  ['date', z.iso.date()],
  ['datetime', z.iso.datetime()],
  ['ipv4', z.ipv4()],
  ['url', z.url()],
  [
    'strings',
    z.object({ a: z.string().min(2).max(5), b: z.string().regex(/^[a-c]+$/), c: z.string().startsWith('x') }),
  ],
  [
    'optional, nullable, default',
    z.object({ a: z.string().optional(), b: z.null().or(z.int()), c: z.boolean().default(true) }),
  ],
  ['enum, literal', z.object({ a: z.enum(['x', 'y']), b: z.literal([1, 'two']) })],
  [
    'union by tag',
    z.discriminatedUnion('t', [z.object({ t: z.literal('a'), n: z.int() }), z.object({ t: z.literal('b') })]),
  ],
  ['tuple, record', z.object({ a: z.tuple([z.int(), z.string()]), b: z.record(z.string(), z.boolean()) })],
  ['never', z.object({ a: z.int(), b: z.never().optional() })],
  ['multiples', z.object({ a: z.int().multipleOf(3), b: z.number().multipleOf(0.5) })],
  [
    'large multiples',
    z.object({ a: z.int().multipleOf(1000), b: z.int().multipleOf(86_400), c: z.int().multipleOf(999) }),
  ],
  ['host names', z.object({ a: z.hostname() })],
  ['record by enum', z.record(z.enum(['x', 'y']), z.boolean())],
  ['record by pattern', z.record(z.string().regex(/^[ab]+$/), z.int())],
  ['partial record', z.partialRecord(z.enum(['x', 'y']), z.boolean())],
  ['letters', z.string().regex(/^\p{Lu}\p{L}+$/u)],
  ['other formats', z.object({ a: z.iso.duration(), b: z.uuidv4(), d: z.string().max(9).url() })],
  ['recursive', category],
  ['intersection', z.intersection(z.object({ a: z.int() }), z.object({ b: z.boolean() }))],
] as const)('what zod makes of %s is supported, and zod accepts the answers', (_, type) => {
  const schema = z.toJSONSchema(type);
  const constraint = compileConstraint({ type: 'json-schema', schema }, tokenizer);
  let numAnswers = 0;
  for (let seed = 0; seed < 8; seed++) {
    const text = randomAnswer(constraint, tokenizer, seed, 12 + 6 * seed);
    if (text === undefined) continue;
    numAnswers++;
    const { success, error } = type.safeParse(JSON.parse(text));
    expect({ text, success, error: error?.message }).toMatchObject({ success: true });
  }
  expect(numAnswers).toBeGreaterThan(0);
});
