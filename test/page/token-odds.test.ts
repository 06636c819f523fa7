import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_EXPERTS, packRecording, Recorder, unpackRecording } from '../../page/src/core/recording.ts';
import { checkOdds, choiceAt, numChoices, OddsRecorder } from '../../page/src/core/token-odds.ts';

const chance = fc.record({ text: fc.string(), logprob: fc.double({ min: -60, max: 0, noNaN: true }) });
const choices = fc.array(
  fc.record({
    text: fc.string(),
    logprob: fc.double({ min: -60, max: 0, noNaN: true }),
    top: fc.array(chance, { maxLength: 5 }),
  }),
  { maxLength: 40 },
);

describe('OddsRecorder', () => {
  it('gives back every text, and log-probabilities to a thousandth', () => {
    fc.assert(
      fc.property(choices, (all) => {
        const recorder = new OddsRecorder();
        for (const choice of all) recorder.add(choice);
        const { odds } = recorder;
        expect(numChoices(odds)).toBe(all.length);
        expect(checkOdds(odds)).toBeDefined();
        all.forEach(({ text, logprob, top }, token) => {
          const found = choiceAt(odds, token);
          expect(found?.text).toBe(text);
          expect(found?.logprob).toBeCloseTo(logprob, 2);
          expect(found?.top.map((one) => one.text)).toEqual(top.map((one) => one.text));
        });
      }),
    );
  });

  it('takes 24 bytes for each token with five alternatives, and each text once', () => {
    const recorder = new OddsRecorder();
    const top = ['a', 'b', 'c', 'd', 'e'].map((text) => ({ text, logprob: -1 }));
    for (let i = 0; i < 1000; i++) recorder.add({ text: 'a', logprob: -1, top });
    const { odds } = recorder;
    expect(odds.tokens.byteLength + odds.logprobs.byteLength).toBe(24_000);
    expect(odds.texts).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('holds what JSON writes for minus infinity', () => {
    const recorder = new OddsRecorder();
    recorder.add({ text: 'never', logprob: -9999, top: [] });
    expect(Math.exp(choiceAt(recorder.odds, 0)?.logprob ?? 0)).toBeLessThan(1e-20);
  });
});

describe('Recorder', () => {
  const layout = { layers: [1], numExperts: 8, numChosen: 2 };
  const choice = (text: string) => ({ text, logprob: -0.5, top: [] });

  it('joins odds and routing by token, also where an answer without odds is continued with them', () => {
    const first = new Recorder(layout);
    first.add('one', Uint8Array.from([0, 1]));
    first.add(' two', Uint8Array.from([2, 3]));
    const second = new Recorder(layout, first.recording);
    second.add(' three', Uint8Array.from([4, 5]), [choice(' three')]);
    const { pieces, ids, odds } = second.recording;
    expect(pieces).toEqual(['one', ' two', ' three']);
    expect([...ids]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(odds && [0, 1, 2].map((token) => choiceAt(odds, token)?.text)).toEqual([
      undefined,
      undefined,
      ' three',
    ]);
  });

  it('gives odds that come later than their tokens to these tokens', () => {
    const recorder = new Recorder(layout);
    recorder.add('', Uint8Array.from([0, 1]));
    recorder.add('海', Uint8Array.from([2, 3]), [choice('<E6 B5>'), choice('<B7>')]);
    const { pieces, odds } = recorder.recording;
    expect(pieces).toEqual(['', '海']);
    expect(odds && [0, 1].map((token) => choiceAt(odds, token)?.text)).toEqual(['<E6 B5>', '<B7>']);
  });

  it('counts tokens by their odds where there is no routing', () => {
    const recorder = new Recorder(NO_EXPERTS);
    recorder.add('', undefined);
    recorder.add('ab', undefined, [choice('a'), choice('b')]);
    expect(recorder.recording.pieces).toEqual(['', 'ab']);
  });

  it('survives being exported, and odds that do not fit together are dropped', () => {
    const recorder = new Recorder(layout);
    recorder.add('one', Uint8Array.from([0, 1]), [choice('one')]);
    const { recording } = recorder;
    const packed = JSON.parse(JSON.stringify(packRecording(recording)));
    expect(unpackRecording(packed)).toEqual(recording);
    for (const odds of [7, { ...packed.odds, width: 5 }, { ...packed.odds, tokens: '?' }, { texts: [1] }])
      expect(unpackRecording({ ...packed, odds })?.odds).toBeUndefined();
  });

  it('leaves what was recorded before as it was', () => {
    const first = new Recorder(NO_EXPERTS);
    first.add('a', undefined, [choice('a')]);
    const before = first.recording;
    const second = new Recorder(NO_EXPERTS, before);
    second.add('b', undefined, [choice('b')]);
    expect(before.pieces).toEqual(['a']);
    expect(before.odds && numChoices(before.odds)).toBe(1);
  });
});
