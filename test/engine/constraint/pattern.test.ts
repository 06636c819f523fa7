import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { hasLength, pathLengths } from '../../../src/engine/constraint/path-lengths.ts';
import { parsePattern } from '../../../src/engine/constraint/pattern-syntax.ts';
import { accepts, type TextAutomaton, textAutomaton } from '../../../src/engine/constraint/text-automaton.ts';
import { propertyCodes } from '../../../src/engine/constraint/unicode-properties.ts';

const { pattern } = fc.letrec<{ pattern: string; item: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'p' },
    fc.array(tie('item'), { maxLength: 4 }).map((items) => items.join('')),
    fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `${a}|${b}`),
  ),
  item: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'p' },
    fc.constantFrom('a', 'b', 'é', '.', '[ab]', '[^a]', '[a-c]', '^', '$'),
    fc
      .tuple(fc.constantFrom('a', 'b', '[ab]'), fc.constantFrom('*', '+', '?', '{2}', '{1,2}'))
      .map((parts) => parts.join('')),
    tie('pattern').map((inner) => `(?:${inner})`),
    fc
      .tuple(tie('pattern'), fc.constantFrom('*', '?', '{2}'))
      .map(([inner, count]) => `(?:${inner})${count}`),
    tie('pattern').map((inner) => `(?=${inner})`),
    tie('pattern').map((inner) => `(?!${inner})`),
  ),
}));
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '!'), maxLength: 5 });

describe('a pattern', () => {
  it.each([true, false])(
    'accepts what the regular expressions of JavaScript accept (search: %s)',
    (search) => {
      let numCompared = 0;
      let numLooks = 0;
      fc.assert(
        fc.property(pattern, fc.array(text, { minLength: 5, maxLength: 12 }), (source, texts) => {
          let automaton: TextAutomaton;
          try {
            automaton = textAutomaton(parsePattern(source), search);
          } catch (error) {
            if (error instanceof UsageError) return;
            throw error;
          }
          const expected = new RegExp(search ? source : `^(?:${source})$`, 'u');
          numCompared++;
          if (source.includes('(?=') || source.includes('(?!')) numLooks++;
          for (const one of texts)
            expect([source, one, accepts(automaton, one)]).toEqual([source, one, expected.test(one)]);
        }),
        { numRuns: 600, seed: 7 },
      );
      expect(numCompared).toBeGreaterThan(400);
      expect(numLooks).toBeGreaterThan(60);
    },
  );

  it('\\p{…} is what the engine says it is, at the borders of its ranges too', () => {
    for (const name of ['L', 'Lu', 'N', 'Script=Han', 'Emoji', 'White_Space', 'Cn']) {
      const expected = new RegExp(`^\\p{${name}}$`, 'u');
      const codes = propertyCodes(name) ?? [];
      expect(codes.length).toBeGreaterThan(0);
      const isIn = (code: number): boolean => codes.some(([low, high]) => low <= code && code <= high);
      for (const [low, high] of codes) {
        for (const code of [low - 1, low, high, high + 1]) {
          if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) continue;
          expect([name, code, isIn(code)]).toEqual([name, code, expected.test(String.fromCodePoint(code))]);
        }
      }
    }
    expect(propertyCodes('Nonsense')).toBeUndefined();
    expect(propertyCodes('L}|.|\\p{L')).toBeUndefined();
  });
});

it('lengths of the ways through a graph are what counting every way says', () => {
  const graph = fc.record({
    edges: fc.array(fc.record({ from: fc.nat(4), to: fc.nat(4) }), { maxLength: 9 }),
    ends: fc.uniqueArray(fc.nat(4), { minLength: 1, maxLength: 2 }),
  });
  fc.assert(
    fc.property(graph, fc.integer({ min: 0, max: 40 }), ({ edges, ends }, max) => {
      const lengths = pathLengths(5, edges, ends, max);
      let layer = new Set(ends);
      const possible = Array.from({ length: max + 1 }, () => {
        const now = layer;
        layer = new Set(edges.filter(({ to }) => now.has(to)).map(({ from }) => from));
        return now;
      });
      for (let state = 0; state < 5; state++) {
        for (const [least, most] of [
          [0, max],
          [3, 5],
          [max, max],
          [7, max],
          [-2, 0],
          [-3, -1],
          [20, 22],
        ]) {
          const upTo = Math.min(most, max);
          const expected = possible.some((set, n) => n >= least && n <= upTo && set.has(state));
          expect([state, least, most, hasLength(lengths, state, least, upTo)]).toEqual([
            state,
            least,
            most,
            expected,
          ]);
        }
      }
    }),
    { numRuns: 400, seed: 3 },
  );
});
