import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/core/random.ts';
import { compileConstraint } from '../../../src/engine/constraint/compile-constraint.ts';
import type { ConstraintState } from '../../../src/engine/constraint/constraint.ts';
import { acceptsText, byteTokensOf, constraintTokenizer, isAllowed } from './random-answer.ts';
import { SCHEMAS } from './schemas.ts';

const tokenizer = constraintTokenizer();
const [end] = tokenizer.special.eos;

/** By definition: a token may come next if its bytes may, one after another. */
function allowsByBytes(state: ConstraintState, token: number): boolean {
  if (token === end) return state.isComplete;
  if (tokenizer.isControl(token)) return false;
  const probe = state.clone();
  for (const byte of tokenizer.decodeBytes(token)) {
    const single = byteTokensOf(tokenizer)[byte];
    if (!isAllowed(probe.mask(), single)) return false;
    probe.accept(single);
  }
  return true;
}

describe('the mask', () => {
  it.each(Object.entries(SCHEMAS))(
    'allows exactly the tokens whose bytes fit, one by one: %s',
    (_, schema) => {
      const constraint = compileConstraint({ type: 'json-schema', schema }, tokenizer);
      const random = new Random(1);
      const state = constraint.start();
      for (let step = 0; step < 12 && !state.isFinished; step++) {
        const mask = state.mask().slice();
        const allowed: number[] = [];
        for (let token = 0; token < tokenizer.vocabSize; token++)
          if (isAllowed(mask, token)) allowed.push(token);
        const some = Array.from({ length: 25 }, () => random.below(tokenizer.vocabSize));
        const good = Array.from({ length: 10 }, () => allowed[random.below(allowed.length)]);
        for (const token of [...some, ...good, end]) {
          expect([token, isAllowed(mask, token)]).toEqual([token, allowsByBytes(state, token)]);
        }
        const inner = allowed.filter((token) => token !== end);
        if (inner.length === 0) break;
        state.accept(inner[random.below(inner.length)]);
      }
    },
  );

  it('is that of a fresh constraint, whatever was asked before and in whatever order', () => {
    const schema = SCHEMAS['other properties'];
    const warm = compileConstraint({ type: 'json-schema', schema }, tokenizer);
    const texts = ['{"id": 3, "unlisted": [true', '{"id":-12,"idea":null,"unlisted":[], "idea2', '{\n  "i'];
    fc.assert(
      fc.property(fc.shuffledSubarray(texts, { minLength: 1 }), (some) => {
        for (const text of some) {
          const states = [warm, compileConstraint({ type: 'json-schema', schema }, tokenizer)].map(
            (constraint) => {
              const state = constraint.start();
              for (const token of tokenizer.encode(text)) state.accept(token);
              return state.mask().slice();
            },
          );
          expect(states[0]).toEqual(states[1]);
        }
      }),
      { numRuns: 4 },
    );
  });

  it('is the same when it is found in steps', () => {
    const constraint = compileConstraint(
      { type: 'json-schema', schema: SCHEMAS['other properties'] },
      tokenizer,
    );
    const [whole, stepwise] = [constraint.start(), constraint.start()];
    for (const _ of stepwise.advance());
    expect(stepwise.mask()).toEqual(whole.mask());
    for (const token of tokenizer.encode('{"id": 3, "unlisted": [tr')) {
      whole.accept(token);
      for (const _ of stepwise.advance(token));
      expect(stepwise.mask()).toEqual(whole.mask());
    }
  });

  it('never has a control token, and no token that is not allowed can be accepted', () => {
    const state = compileConstraint({ type: 'json-schema', schema: { type: 'string' } }, tokenizer).start();
    state.accept(tokenizer.encode('"')[0]);
    for (const token of tokenizer.controlIds) expect(isAllowed(state.mask(), token)).toBe(false);
    for (const token of [...tokenizer.controlIds, ...tokenizer.encode('\n')]) {
      expect(() => state.clone().accept(token)).toThrow(/internal/);
    }
  });
});

describe('strings', () => {
  const string = compileConstraint({ type: 'json-schema', schema: { type: 'string' } }, tokenizer);
  it.each([
    ['""', true],
    ['"é你🙂\u007f\u2028"', true],
    ['"\\"\\\\\\/\\b\\f\\n\\r\\t"', true],
    ['"\\u00e9\\uD83D\\ude42\\uFFFF"', true],
    ['"\\ud83d"', false],
    ['"\\ud83dx"', false],
    ['"\\ud83d\\u0041"', false],
    ['"\\ude42"', false],
    ['"\\x41"', false],
    ['"\n"', false],
    ['"\t"', false],
    ['"a', false],
    ['"a"b', false],
    ['"a" ', false],
  ])('%j: %s', (text, expected) => {
    expect(acceptsText(string, tokenizer, text)).toBe(expected);
  });

  it.each([
    ['overlong', [0xc0, 0x80]],
    ['overlong in three', [0xe0, 0x80, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
    ['a lone continuation', [0x80]],
    ['cut short', [0xf0, 0x9f, 0x99]],
    ['no lead at all', [0xff]],
  ])('are UTF-8: not %s', (_, bytes) => {
    expect(acceptsText(string, tokenizer, Uint8Array.from([0x22, ...bytes, 0x22]))).toBe(false);
  });

  it.each([
    ['first of two', 0x80],
    ['last of two', 0x7ff],
    ['first of three', 0x800],
    ['before surrogates', 0xd7ff],
    ['after surrogates', 0xe000],
    ['last of three', 0xffff],
    ['first of four', 0x10000],
    ['last of all', 0x10ffff],
  ])('hold every character: the %s bytes', (_, code) => {
    expect(acceptsText(string, tokenizer, JSON.stringify(String.fromCodePoint(code)))).toBe(true);
  });
});
