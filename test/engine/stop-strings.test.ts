import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopStrings } from '../../src/engine/stop-strings.ts';

function feed(stops: string[], pieces: string[]): { text: string; stop?: string } {
  const matcher = new StopStrings(stops);
  let text = '';
  for (const piece of pieces) {
    const result = matcher.push(piece);
    text += result.text;
    if (result.stop !== undefined) return { text, stop: result.stop };
  }
  return { text: text + matcher.flush() };
}

describe('StopStrings', () => {
  it('finds a stop string across token borders and shows nothing of it', () => {
    expect(feed(['END'], ['some tex', 't E', 'N', 'D more'])).toEqual({ text: 'some text ', stop: 'END' });
  });

  it('gives back what looked like the beginning of a stop string and was not', () => {
    expect(feed(['END'], ['EN', 'E', 'N'])).toEqual({ text: 'ENEN' });
  });

  it('the stop string that begins first wins, the longer one at a tie', () => {
    expect(feed(['b', 'abc'], ['xabcx'])).toEqual({ text: 'x', stop: 'abc' });
    expect(feed(['ab', 'abc'], ['xabcx'])).toEqual({ text: 'x', stop: 'abc' });
  });

  it('wherever the text is split, the outcome is that of looking at it whole', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 30 });
    const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 2, maxLength: 4 }), {
      minLength: 1,
      maxLength: 1,
    });
    fc.assert(
      fc.property(text, stops, fc.array(fc.nat(30)), (whole, [stop], cuts) => {
        const borders = [0, ...cuts.filter((cut) => cut < whole.length).sort((a, b) => a - b), whole.length];
        const pieces = borders.slice(1).map((end, i) => whole.slice(borders[i], end));
        const at = whole.indexOf(stop);
        expect(feed([stop], pieces)).toEqual(at < 0 ? { text: whole } : { text: whole.slice(0, at), stop });
      }),
    );
  });
});
