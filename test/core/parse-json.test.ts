import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJsonSteps } from '../../src/core/parse-json.ts';

function parse(text: string, stretch: number): { value: unknown; numSteps: number } {
  const steps = parseJsonSteps(text, stretch);
  for (let numSteps = 0; ; numSteps++) {
    const { done, value } = steps.next();
    if (done) return { value, numSteps };
  }
}

/** What a parser makes of a text: the value written again, which shows `__proto__` and -0 apart, or that it is refused. */
const outcome = (make: () => unknown): string => {
  try {
    return JSON.stringify(make(), (_, value) => (Object.is(value, -0) ? '-0' : value));
  } catch (error) {
    return (error as Error).name;
  }
};

describe('parseJsonSteps()', () => {
  it('gives what JSON.parse gives, however short its steps are', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 6 }),
        fc.constantFrom(0, 1, '\t'),
        fc.integer({ min: 1, max: 60 }),
        (json, indent, stretch) => {
          const text = JSON.stringify(JSON.parse(json), null, indent);
          expect(outcome(() => parse(text, stretch).value)).toBe(outcome(() => JSON.parse(text)));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('refuses what JSON.parse refuses, and nothing else', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '"a"',
      '1',
      '-',
      '.5',
      'null',
      ' ',
      '\n',
      'é',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), fc.integer({ min: 1, max: 8 }), (pieces, stretch) => {
        const text = pieces.join('');
        expect(outcome(() => parse(text, stretch).value)).toBe(outcome(() => JSON.parse(text)));
      }),
      { numRuns: 20_000 },
    );
  });

  it.each([
    '[1,]',
    '[,1]',
    '[1,,2]',
    '{"a":1,}',
    '{,"a":1}',
    '[1 2]',
    '{"a":[1}',
    '["a","b"',
    '{"a"}',
    '[]]',
    '',
    '{"__proto__":{"a":1},"a":2,"a":[3]}',
    '["\\u0041\\"]","}"]',
    '[[[[[[]]]]]]',
  ])('treats %s as JSON.parse does', (text) => {
    for (let stretch = 1; stretch <= text.length + 1; stretch++)
      expect(outcome(() => parse(text, stretch).value)).toBe(outcome(() => JSON.parse(text)));
  });

  it('takes as many steps as there are stretches', () => {
    const text = JSON.stringify({ enum: Array.from({ length: 10_000 }, (_, i) => `word ${i}`) });
    const { numSteps } = parse(text, 10_000);
    expect(numSteps).toBeGreaterThanOrEqual(Math.floor(text.length / 10_000));
    expect(numSteps).toBeLessThan((3 * text.length) / 10_000);
  });
});
