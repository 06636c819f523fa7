import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leastSeconds, limitRate, stepWork, type WorkModel } from '../../src/cli/bench-limit.ts';
import type { BenchTest } from '../../src/cli/bench-tests.ts';
import { storageTypeByName } from '../../src/dtype/index.ts';
import { type Engine, openEngine } from '../../src/engine/open.ts';
import { bindWeights } from '../../src/model/bind-weights.ts';
import type { Dots1Config } from '../../src/model/dots1/config.ts';
import { TINY_HF_FOLDER } from '../fixtures/golden-dots1.ts';

let engine: Engine;
let model: WorkModel;
/** Bytes of the tensors whose names match, all experts together. */
let bytesOf: (pattern: RegExp) => number;

beforeAll(async () => {
  engine = await openEngine(TINY_HF_FOLDER, { backend: 'reference' });
  const { config, tensors, format, origin } = engine.files;
  const { weights } = bindWeights(config, tensors, format, origin);
  const kvType = storageTypeByName('f16');
  model = { program: engine.program, weights, kvType, multipliesBytes: () => false };
  bytesOf = (pattern) =>
    [...tensors.values()]
      .filter(({ name }) => pattern.test(name))
      .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
});
afterAll(() => engine.close());

describe('stepWork()', () => {
  it('reads for one token every weight once, the chosen experts only, and one row of the embedding', () => {
    const config = engine.config as Dots1Config;
    const { bytes } = stepWork(model, { numSequences: 1, tokensEach: 1, numCached: 0 });
    const experts = bytesOf(/mlp\.experts\./);
    const embedding = bytesOf(/embed_tokens/);
    const rest = bytesOf(/./) - experts - embedding;
    const expected =
      rest + (experts * config.numExpertsPerToken) / config.numExperts + embedding / config.vocabSize;
    expect(bytes).toBeCloseTo(expected, 3);
  });

  it('reads keys and values of every layer for every sequence', () => {
    const { numLayers, numKeyValueHeads, headSize } = engine.config as Dots1Config;
    const shape = { numSequences: 2, tokensEach: 1 };
    const at = (numCached: number): number => stepWork(model, { ...shape, numCached }).bytes;
    expect(at(100) - at(0)).toBe(2 * 100 * numLayers * 2 * numKeyValueHeads * headSize * 2);
  });

  it('shares weights between sequences, and reads no expert twice', () => {
    const at = (numSequences: number): number =>
      stepWork(model, { numSequences, tokensEach: 1, numCached: 0 }).bytes;
    expect(at(8)).toBeLessThan(2.5 * at(1));
    expect(at(1000) - 999 * (bytesOf(/embed_tokens/) / engine.vocabSize)).toBeLessThanOrEqual(bytesOf(/./));
  });

  it('multiplies for many tokens what it multiplies for one, less the logits that are not requested', () => {
    const work = (tokensEach: number): number =>
      stepWork(model, { numSequences: 1, tokensEach, numCached: 0 }).floatMultiplies;
    expect(work(64)).toBeGreaterThan(30 * work(1));
    expect(work(64)).toBeLessThan(64 * work(1));
  });
});

describe('limitRate()', () => {
  const slowMemory = {
    readBytesPerSecond: 1e6,
    floatMultipliesPerSecond: 1e15,
    byteMultipliesPerSecond: 1e15,
  };
  const generating: BenchTest = { name: 'tg8', kind: 'generate', numTokens: 8, depth: 0, parallel: 1 };

  it('is bandwidth over bytes where memory is the limit', () => {
    const work = stepWork(model, { numSequences: 1, tokensEach: 1, numCached: 5 });
    expect(limitRate(model, generating, 512, slowMemory)).toBeCloseTo(1e6 / work.bytes, 9);
  });

  it('lets several sequences be faster together, none of them alone', () => {
    const alone = limitRate(model, generating, 512, slowMemory);
    const together = limitRate(model, { ...generating, parallel: 8 }, 512, slowMemory);
    expect(together).toBeGreaterThan(alone);
    expect(together / 8).toBeLessThan(alone);
  });

  it('adds up the steps of a long prompt', () => {
    const reading: BenchTest = { name: 'pp96', kind: 'read', numTokens: 96, depth: 0, parallel: 1 };
    const seconds = [64, 32].map((tokensEach, i) =>
      leastSeconds(stepWork(model, { numSequences: 1, tokensEach, numCached: 64 * i }), slowMemory),
    );
    expect(limitRate(model, reading, 64, slowMemory)).toBeCloseTo(96 / (seconds[0] + seconds[1]), 9);
  });
});
