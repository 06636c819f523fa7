import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { AnswerText } from '../../src/engine/answer-text.ts';
import type { ChosenLogprob, GenerateEvent, PromptEndEvent } from '../../src/engine/events.ts';
import { type GenerateOptions, generate } from '../../src/engine/generate.ts';
import { chosenLogprob, HeldLogprobs } from '../../src/engine/logprobs.ts';
import { type Model, open } from '../../src/index.ts';
import { TINY_HF_FOLDER } from '../fixtures/golden-dots1.ts';
import { openSmallModel } from '../fixtures/small-model.ts';
import { fixtureTokenizer } from '../text/fixture.ts';

const joined = (entries: readonly ChosenLogprob[]): string =>
  Buffer.concat(entries.map(({ bytes }) => bytes)).toString();

async function eventsOf(events: AsyncIterable<GenerateEvent>): Promise<GenerateEvent[]> {
  const all: GenerateEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe('chosenLogprob()', () => {
  const logits = Float32Array.from([0.5, 2, -1, 2, Number.NEGATIVE_INFINITY, 7.25]);
  const none = new Uint8Array(0);

  it('gives the log of softmax, and the same bits in the list of alternatives', () => {
    const { logprob, top } = chosenLogprob(logits, 1, 6, () => none);
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    expect(logprob).toBe(Math.fround(Math.log(Math.exp(2) / total)));
    expect(top.map(({ token }) => token)).toEqual([5, 1, 3, 0, 2, 4]);
    expect(Object.is(top[1].logprob, logprob)).toBe(true);
  });

  it('does not overflow where exp would', () => {
    expect(chosenLogprob(Float32Array.from([1e4, 1e4]), 0, 0, () => none).logprob).toBeCloseTo(
      -Math.log(2),
      6,
    );
  });
});

describe('HeldLogprobs', () => {
  const tokenizer = fixtureTokenizer();
  const tokens = fc.array(
    fc.oneof(
      fc.constantFrom(...tokenizer.encode('a stop, STOP: 你好 🙂 stop stopped \n\n')),
      fc.nat(255),
      fc.constantFrom(...tokenizer.controlIds),
    ),
    { maxLength: 14 },
  );

  it('gives entries whose bytes are the text, wherever stop strings and characters cut tokens', () => {
    fc.assert(
      fc.property(
        tokens,
        fc.array(fc.constantFrom('stop', 'st', '好', ' 🙂', 'p,', '\ufffd', 'STOP: 你'), { maxLength: 3 }),
        fc.boolean(),
        (ids, stop, includeStopString) => {
          const answer = new AnswerText(tokenizer.streamDecoder({ skipControl: true }), {
            stop,
            includeStopString,
          });
          const held = new HeldLogprobs();
          let text = '';
          const entries: ChosenLogprob[] = [];
          let stopped = false;
          for (const token of ids) {
            const { text: piece, stop: found, span } = answer.push(token, true);
            text += piece;
            const bytes = tokenizer.isControl(token) ? new Uint8Array(0) : tokenizer.decodeBytes(token);
            held.push({ token, logprob: 0, bytes, top: [] }, span);
            if (found !== undefined) {
              stopped = true;
              break;
            }
            entries.push(...held.release(answer.length));
            // What has come so far is never ahead of the text.
            expect(joined(entries).length).toBeLessThanOrEqual(text.length);
          }
          if (!stopped) text += answer.flush(true).text;
          entries.push(...held.finish(answer.decoded, answer.length));
          // A stop string of U+FFFD cuts bytes that are not characters; then only the text before it is sure.
          if (stop.includes('\ufffd')) return;
          expect(joined(entries)).toBe(text);
        },
      ),
      { numRuns: 3000, seed: 4 },
    );
  });
});

describe('generate() with log-probabilities', () => {
  let model: Model;
  beforeAll(async () => {
    model = await open(TINY_HF_FOLDER, { backend: 'reference', maxParallel: 2 });
  });
  afterAll(() => model.close());

  it('returns them for every token of the answer, and nothing about the answer changes', async () => {
    const options = { seed: 3, maxTokens: 24, temperature: 1.3, stop: ['e'] };
    const plain = await eventsOf(model.complete('The ', options));
    const told = await eventsOf(model.complete('The ', { ...options, logprobs: 3 }));
    const text = (events: GenerateEvent[]) =>
      events.map((event) => (event.type === 'token-delta' ? event.text : '')).join('');
    expect(text(told)).toBe(text(plain));
    const entries = told.flatMap((event) => ('logprobs' in event ? (event.logprobs ?? []) : []));
    expect(joined(entries)).toBe(text(told));
    for (const { top } of entries) expect(top.length).toBe(3);
  });

  it('scores the prompt as `logits` does, with a greedy choice that equals the best alternative to the bit', async () => {
    const tokens = Array.from(model.tokenizer.encode('The cat sat on the mat, the cat sat.'));
    // So few tokens in a step that the prompt comes in pieces.
    const events = await eventsOf(model.complete(tokens, { promptLogprobs: 2, maxTokens: 0 }));
    const { promptLogprobs = [] } = events.find((event) => event.type === 'prompt-end') as PromptEndEvent;
    expect(promptLogprobs.map((entry) => entry?.token ?? null)).toEqual([null, ...tokens.slice(1)]);
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'length', text: '' });
    for await (const { position, logits_V } of model.logits(tokens, { first: 0 })) {
      if (position + 1 === tokens.length) break;
      const expected = chosenLogprob(logits_V, tokens[position + 1], 2, (id) =>
        model.tokenizer.decodeBytes(id),
      );
      expect(promptLogprobs[position + 1]).toEqual(expected);
    }
  });

  it('takes 0 tokens only for the prompt’s sake', async () => {
    await expect(eventsOf(model.complete('a', { maxTokens: 0 }))).rejects.toMatchObject({
      code: 'bad-max-tokens',
    });
    await expect(eventsOf(model.complete('a', { logprobs: 21 }))).rejects.toMatchObject({
      code: 'bad-logprobs',
    });
  });
});

describe('seeds and streams', () => {
  it('give the same tokens whatever else runs and however often they have to start again', async () => {
    const random = new Random(9);
    const prompts = Array.from({ length: 6 }, (_, i) =>
      Array.from({ length: 3 + 11 * i }, () => random.below(64)),
    );
    const tokensOf = async (model: Parameters<typeof generate>[0], i: number): Promise<number[]> => {
      const options: GenerateOptions = {
        seed: 2n ** 63n + BigInt(i % 2),
        stream: i >> 1,
        maxTokens: 20,
        temperature: 1.5,
      };
      const events = await eventsOf(generate(model, prompts[i], options));
      return events.flatMap((event) => (event.type === 'token-delta' ? [event.token] : []));
    };
    const alone = await openSmallModel({ maxParallel: 1 });
    const expected: number[][] = [];
    for (const i of prompts.keys()) expected.push(await tokensOf(alone, i));
    await alone.close();
    const together = await openSmallModel({ maxParallel: 4, numPages: 5, maxStepTokens: 9 });
    expect(await Promise.all([...prompts.keys()].map((i) => tokensOf(together, i)))).toEqual(expected);
    await together.close();
  });

  it('each choice of n is its own, and is the same alone as among the others', async () => {
    const model = await openSmallModel({ maxParallel: 3 });
    const draw = async (stream: number): Promise<string> => {
      const events = await eventsOf(generate(model, [1, 2, 3], { seed: 5, stream, maxTokens: 16 }));
      return events.flatMap((event) => (event.type === 'token-delta' ? [event.token] : [])).join();
    };
    const all = await Promise.all([draw(0), draw(1), draw(2)]);
    expect(new Set(all).size).toBe(3);
    expect(await draw(2)).toBe(all[2]);
    await model.close();
  });
});

describe('minTokens', () => {
  it('keeps end tokens and stop strings from ending the answer too early', async () => {
    const model = await openSmallModel();
    const run = async (options: GenerateOptions): Promise<number> => {
      const events = await eventsOf(generate(model, [5, 6], { temperature: 0, maxTokens: 12, ...options }));
      return events.filter(({ type }) => type === 'token-delta').length;
    };
    const everyToken = Array.from({ length: 63 }, (_, id) => id);
    expect(await run({ stopTokens: everyToken })).toBeLessThan(7);
    expect(await run({ stopTokens: everyToken, minTokens: 7 })).toBeGreaterThanOrEqual(7);
    await model.close();
  });
});
