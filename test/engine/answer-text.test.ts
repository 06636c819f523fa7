import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerText, type StopBefore } from '../../src/engine/answer-text.ts';
import type { StreamDecoder } from '../../src/text/tokenizer.ts';

/** The text of an answer whose tokens are these pieces, up to its stop string. */
function answer(
  pieces: readonly string[],
  stop: readonly string[],
  stopBefore: StopBefore,
): [string, string | undefined] {
  const decoder = {
    push: (token: number) => pieces[token],
    flush: () => '',
    numPending: 0,
  } as unknown as StreamDecoder;
  const text = new AnswerText(decoder, { stop, includeStopString: false, stopBefore });
  let shown = '';
  for (const token of pieces.keys()) {
    const step = text.push(token, true);
    shown += step.text;
    if (step.stop !== undefined) return [shown, step.stop];
  }
  const last = text.flush(true);
  expect(text.length).toBe((shown + last.text).length);
  return [shown + last.text, last.stop];
}

describe('stop strings before a marker', () => {
  it.each<[text: string, stops: string[], isPrefix: boolean, shown: string, stop: string | undefined]>([
    ['say true <call>{"a": true}', ['true'], false, 'say ', 'true'],
    ['say <call>{"a": true}', ['true'], false, 'say <call>{"a": true}', undefined],
    ['<call>{"a": true}', ['call', '<', 'a>{'], false, '<call>{"a": true}', undefined],
    ['say <cal', ['cal'], false, 'say <', 'cal'],
    ['a < b <ca <call>x b', ['b'], false, 'a < ', 'b'],
    ['say t<call>rue', ['true'], false, 'say t<call>rue', undefined],
    ['<call>true', ['true'], true, '<call>true', undefined],
    ['x<call>true', ['true'], true, 'x<call>', 'true'],
    ['<cat true', ['true'], true, '<cat ', 'true'],
  ])('%j with %j (prefix: %s)', (text, stops, isPrefix, shown, stop) => {
    const cuts = fc.uniqueArray(fc.nat(text.length), { maxLength: 8 });
    fc.assert(
      fc.property(cuts, (places) => {
        const sorted = [0, ...places.sort((a, b) => a - b), text.length];
        const pieces = sorted.slice(1).map((end, i) => text.slice(sorted[i], end));
        expect(answer(pieces, stops, { text: '<call>', isPrefix })).toEqual([shown, stop]);
      }),
      { numRuns: 60, seed: 5 },
    );
  });
});
