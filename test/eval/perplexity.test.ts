import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, openEngine } from '../../src/engine/open.ts';
import {
  addLoss,
  bitsPerByte,
  NO_LOSS,
  negativeLogProbability,
  perplexity,
  scoreText,
  scoreTokens,
  windows,
} from '../../src/eval/perplexity.ts';
import { goldenTinyHf, TINY_HF_FOLDER } from '../fixtures/golden-dots1.ts';

const FOLDER = new URL('../golden/perplexity/', import.meta.url);
const texts = readFileSync(new URL('texts.jsonl', FOLDER), 'utf8')
  .trim()
  .split('\n')
  .map((line) => (JSON.parse(line) as { text: string }).text);
const golden = JSON.parse(readFileSync(new URL('perplexity.json', FOLDER), 'utf8')) as {
  texts: { tokens: number; bytes: number; ids: number[]; nats: Record<string, number> }[];
};

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(TINY_HF_FOLDER, { backend: 'reference', kvType: 'f32' });
});
afterAll(() => engine.close());

describe('scoreText()', () => {
  it('gives the loss of transformers, in windows of any size', async () => {
    for (const [i, text] of texts.entries()) {
      const { tokens, bytes, nats } = golden.texts[i];
      for (const [size, expected] of Object.entries(nats)) {
        const tokenizer = engine.tokenizer as NonNullable<Engine['tokenizer']>;
        const loss = await scoreText(engine, tokenizer, text, { contextTokens: Number(size) });
        expect(loss, text).toMatchObject({ tokens, bytes });
        expect(Math.abs(loss.nats - expected) / expected, `${size}: ${text}`).toBeLessThan(1e-5);
      }
    }
  });

  it('counts every byte of the text where a start token comes first, and none of the start token', async () => {
    const without = engine.tokenizer as NonNullable<Engine['tokenizer']>;
    const bos = without.controlIds[0];
    const tokenizer = Object.create(without, {
      special: { value: { ...without.special, bos } },
    }) as typeof without;
    const text = texts[0];
    const loss = await scoreText(engine, tokenizer, text, { contextTokens: 64 });
    expect(loss).toMatchObject({
      tokens: without.encode(text).length,
      bytes: new TextEncoder().encode(text).length,
    });
  });

  it('scores nothing where nothing comes before', async () => {
    const tokenizer = engine.tokenizer as NonNullable<Engine['tokenizer']>;
    for (const text of ['', 'a']) {
      expect(await scoreText(engine, tokenizer, text, { contextTokens: 64 })).toEqual(NO_LOSS);
    }
  });
});

describe('scoreTokens()', () => {
  it('is the sum over the logits that transformers recorded', async () => {
    const { tokens, logits_TV, vocabSize } = goldenTinyHf();
    let expected = 0;
    for (let i = 0; i + 1 < tokens.length; i++) {
      const logits_V = logits_TV.subarray(i * vocabSize, (i + 1) * vocabSize);
      expected += negativeLogProbability(logits_V, tokens[i + 1]);
    }
    const nats = await scoreTokens(engine, tokens, { contextTokens: 512 });
    expect(Math.abs(nats - expected) / expected).toBeLessThan(1e-5);
  });

  it('reports each token once and ends at all of them', async () => {
    const { ids } = golden.texts[0];
    const seen: number[] = [];
    await scoreTokens(engine, ids, { contextTokens: 17, onProgress: (done) => seen.push(done) });
    expect(seen).toEqual(Array.from({ length: ids.length - 1 }, (_, i) => i + 1));
  });

  it('stops for logits that are not numbers, with the token', async () => {
    const broken = { ...contextOf(engine), loop: loopThatGives(new Float32Array(448).fill(Number.NaN)) };
    await expect(scoreTokens(broken, [1, 2, 3], { contextTokens: 8 })).rejects.toMatchObject({
      code: 'not-a-number',
      message: expect.stringContaining('NaN for token 1'),
    });
  });
});

describe('windows()', () => {
  it('cover every position once, later ones with half a window before them', () => {
    for (const size of [2, 3, 8, 64]) {
      for (const count of [1, 2, 3, 7, 8, 9, 63, 64, 65, 200]) {
        const all = [...windows(count, size)];
        expect(all.flatMap(({ first, end }) => range(first, end))).toEqual(range(0, count));
        for (const { start, end, first } of all) {
          expect(end - start).toBeLessThanOrEqual(size);
          expect(first - start).toBeGreaterThanOrEqual(start === 0 ? 0 : Math.floor(size / 2));
        }
      }
    }
  });
});

it('losses add up; perplexity is for each token, bits for each byte', () => {
  const loss = addLoss({ tokens: 2, bytes: 6, nats: 3 }, { tokens: 4, bytes: 10, nats: 6 });
  expect(perplexity(loss)).toBeCloseTo(Math.exp(1.5), 12);
  expect(bitsPerByte(loss)).toBeCloseTo(9 / Math.LN2 / 16, 12);
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function contextOf({ loop, vocabSize, contextLength }: Engine) {
  return { loop, vocabSize, contextLength };
}

/** A loop whose model gives these logits everywhere. */
function loopThatGives(logits_V: Float32Array): Engine['loop'] {
  return {
    add(request: Parameters<Engine['loop']['add']>[0]) {
      for (let at = request.firstLogits; at < request.tokens.length; at++) request.onLogits(at, logits_V);
      request.onEnd();
    },
  } as Engine['loop'];
}
