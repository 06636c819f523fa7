import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/core/errors.ts';
import { loadStatistics, updateBias } from '../../src/train/balance.ts';
import { checkWithinRun, readRunConfig, resolveSchedule, runFields } from '../../src/train/run-config.ts';
import { batchTokens, decayed, learningRate } from '../../src/train/schedule.ts';
import { TOY_MODEL } from './toy.ts';

describe('learningRate()', () => {
  // dots.llm1, a million times smaller: 10T stable, 1T to a tenth, 0.2T to a third of that.
  const schedule = {
    peak: 3e-4,
    warmupSteps: 4,
    decays: [
      { tokens: 1_000_000, to: 3e-5, shape: 'linear' as const },
      { tokens: 200_000, to: 1e-5, shape: 'cosine' as const },
    ],
  };
  const at = (tokens: number, step = 1000): number => learningRate(schedule, step, tokens, 11_200_000);

  it('rises to the peak in as many steps as the warm-up has', () => {
    expect([0, 1, 2, 3, 4].map((step) => at(0, step) / 3e-4)).toEqual([0.25, 0.5, 0.75, 1, 1]);
  });

  it('stays until the first decay, which ends where the second begins', () => {
    expect(at(10_000_000)).toBe(3e-4);
    expect(at(10_500_000)).toBeCloseTo(1.65e-4, 12);
    expect(at(11_000_000)).toBeCloseTo(3e-5, 12);
    expect(at(11_100_000)).toBeCloseTo(2e-5, 12);
    expect(at(11_200_000)).toBeCloseTo(1e-5, 12);
  });

  it('each shape goes from the one rate to the other', () => {
    for (const shape of ['linear', 'cosine', 'exponential'] as const) {
      expect(decayed(shape, 8, 2, 0)).toBeCloseTo(8, 12);
      expect(decayed(shape, 8, 2, 1)).toBeCloseTo(2, 12);
    }
    expect(decayed('linear', 8, 2, 0.5)).toBe(5);
    expect(decayed('exponential', 8, 2, 0.5)).toBeCloseTo(4, 12);
    expect(decayed('cosine', 8, 2, 0.25)).toBeCloseTo(2 + 3 * (1 + Math.SQRT1_2), 12);
  });

  it('a decay may be a share of the run; decays longer than the run are refused', () => {
    const decay = { tokens: undefined, share: 0.25, to: 1e-6, shape: 'cosine' as const };
    const config = { peak: 5e-6, warmupSteps: 0, decays: [decay] };
    expect(resolveSchedule(config, 1000).decays[0].tokens).toBe(250);
    expect(() => resolveSchedule({ ...config, decays: [{ ...decay, tokens: 1001 }] }, 1000)).toThrow(
      UsageError,
    );
  });
});

describe('batchTokens()', () => {
  it('grows with the tokens that were seen', () => {
    const stages = [
      { from: 0, tokens: 64 },
      { from: 6000, tokens: 96 },
      { from: 8300, tokens: 128 },
    ];
    expect([0, 5999, 6000, 8299, 8300, 1e9].map((tokens) => batchTokens(stages, tokens))).toEqual([
      64, 64, 96, 96, 128, 128,
    ]);
  });
});

describe('updateBias()', () => {
  it('raises experts below the mean, lowers those above, leaves those at it', () => {
    const bias = Float32Array.of(0, 0.5, -0.5, 0);
    updateBias(bias, [4, 1, 9, 2], 0.25);
    expect([...bias]).toEqual([0, 0.75, -0.75, 0.25]);
  });
});

describe('loadStatistics()', () => {
  it('distinguishes even from uneven loads', () => {
    expect(loadStatistics([5, 5, 5, 5])).toEqual({ maxViolation: 0, entropy: 1, numDead: 0 });
    expect(loadStatistics([20, 0, 0, 0])).toEqual({ maxViolation: 3, entropy: 0, numDead: 3 });
    expect(loadStatistics([10, 10, 0, 0])).toEqual({ maxViolation: 1, entropy: 0.5, numDead: 2 });
  });
});

describe('readRunConfig()', () => {
  const run = { out: 'x', model: TOY_MODEL, data: { mix: [{ shards: ['a.tok'] }] }, tokens: 1000 };

  it('fills in what the report says of the recipe', () => {
    const config = readRunConfig(run, 'run.json');
    expect(config.optimizer).toMatchObject({
      type: 'adamw',
      beta1: 0.9,
      beta2: 0.95,
      eps: 1e-8,
      weightDecay: 0.1,
      clipNorm: 1,
    });
    expect(config.init.std).toBe(0.006);
    expect(config.model).toMatchObject({
      numKeyValueHeads: 2,
      headSize: 8,
      ropeTheta: 1e7,
      contextLength: 1024,
    });
  });

  it.each([
    [
      'an unknown field, with the one that was meant',
      { ...run, learningrate: {} },
      /"learningrate" is not known; did you mean "learningRate"\?/,
    ],
    [
      'one inside',
      { ...run, optimizer: { beta_1: 0.9 } },
      /"optimizer.beta_1" is not known; did you mean "optimizer.beta1"\?/,
    ],
    [
      'one in a list',
      { ...run, batch: [{ from: 0, token: 4096 }] },
      /"batch.token" is not known; did you mean "batch.tokens"\? \(entry 1 of "batch"\)/,
    ],
    [
      'a text where a number belongs',
      { ...run, tokens: '1e6' },
      /"tokens" is "1e6", expected a whole number/,
    ],
    [
      'a number out of range',
      { ...run, optimizer: { beta1: 1.5 } },
      /"optimizer.beta1" is 1.5, expected a number from 0 to/,
    ],
    ['no length', { ...run, tokens: undefined }, /it needs "tokens" or "epochs"/],
    ['two lengths', { ...run, epochs: 1 }, /only one of them/],
    ['neither model nor beginning', { ...run, model: undefined }, /it needs "model" or "initFrom"/],
    [
      'a missing width',
      { ...run, model: { ...TOY_MODEL, hiddenSize: undefined } },
      /"model.hiddenSize" is missing/,
    ],
    [
      'layers that no memory holds, before anything is made for each',
      { ...run, model: { ...TOY_MODEL, numLayers: 2_147_483_647 } },
      /"model.numLayers" is 2147483647, expected a whole number from 1 to 10000/,
    ],
    [
      'the same of another architecture, with as many dense layers',
      { ...run, model: { architecture: 'qwen3moe', numLayers: 2 ** 31, numDenseLayers: 2 ** 31 } },
      /"model.numLayers" is 2147483648, expected a whole number from 1 to 10000/,
    ],
    [
      'and of the third',
      { ...run, model: { architecture: 'llama', numLayers: 10_001 } },
      /"model.numLayers" is 10001, expected a whole number from 1 to 10000/,
    ],
    [
      'a micro-batch that no memory holds',
      { ...run, microBatchTokens: 2 ** 40 },
      /"microBatchTokens" is 1099511627776, expected a whole number from 1 to 16777216/,
    ],
    [
      'sequences that no memory holds',
      { ...run, data: { mix: [{ shards: ['a.tok'] }], sequenceLength: 2 ** 40 } },
      /"data.sequenceLength" is 1099511627776, expected a whole number from 1 to 16777216/,
    ],
    [
      'batches that micro-batches do not divide',
      { ...run, microBatchTokens: 1000, batch: [{ tokens: 1500 }] },
      /not a multiple of "microBatchTokens"/,
    ],
    [
      'sequences longer than a micro-batch, which would be cut',
      { ...run, data: { mix: [{ shards: ['a.tok'] }], sequenceLength: 2048 }, microBatchTokens: 1000 },
      /"microBatchTokens" is 1000, but sequences have up to 2048 tokens/,
    ],
    [
      'those of later data',
      {
        ...run,
        microBatchTokens: 1024,
        laterData: [{ from: 10, data: { mix: [{ shards: ['a.tok'] }], sequenceLength: 2048 } }],
      },
      /"microBatchTokens" is 1024, but sequences have up to 2048 tokens/,
    ],
    [
      'micro-batches that would cut knotted sequences',
      {
        ...run,
        data: { mix: [{ shards: ['a.tok'] }], sequenceLength: 1024, knots: {} },
        microBatchTokens: 1536,
      },
      /"microBatchTokens" is 1536, expected a multiple of 1024/,
    ],
    [
      'clipping that leaves nothing',
      { ...run, optimizer: { clipNorm: 0 } },
      /"optimizer.clipNorm" is 0, expected a number above 0/,
    ],
    [
      'an ε of 0, which divides by 0',
      { ...run, optimizer: { eps: 0 } },
      /"optimizer.eps" is 0, expected a number above 0/,
    ],
    [
      'a rate of 0',
      { ...run, learningRate: { peak: 0 } },
      /"learningRate.peak" is 0, expected a number above 0/,
    ],
    ['weights that are all 0', { ...run, init: { std: 0 } }, /"init.std" is 0, expected a number above 0/],
    ['no epochs', { ...run, tokens: undefined, epochs: 0 }, /"epochs" is 0, expected a number above 0/],
    [
      'an exponential decay to 0, which is 0 at once',
      { ...run, learningRate: { decays: [{ shape: 'exponential' }] } },
      /an exponential decay never reaches 0.*entry 1 of "learningRate.decays"/,
    ],
    [
      'later data out of order',
      { ...run, laterData: [20, 10].map((from) => ({ from, data: { mix: [{ shards: ['a.tok'] }] } })) },
      /"laterData" must be in ascending order/,
    ],
    ['a list instead of an object', { ...run, init: [1] }, /"init" is \[1\], expected an object/],
    ['no object at all', [], /"the run" is \[\], expected an object/],
  ])('refuses %s', (_, json, message) => {
    const attempt = (): unknown => readRunConfig(JSON.parse(JSON.stringify(json)), 'run.json');
    expect(attempt).toThrow(UsageError);
    expect(attempt).toThrow(message);
  });

  it.each([
    [1024, undefined, 4096],
    [32_768, undefined, 32_768],
    [3000, {}, 6000],
  ])('a micro-batch holds the longest sequence: %s, knots %o -> %s', (sequenceLength, knots, expected) => {
    const data = { mix: [{ shards: ['a.tok'] }], sequenceLength, ...(knots && { knots }) };
    const { microBatchTokens, batch } = readRunConfig({ ...run, data }, 'run.json');
    expect([microBatchTokens, batch]).toEqual([expected, [{ from: 0, tokens: expected }]]);
  });

  it('reports everything that is wrong at once', () => {
    const attempt = (): unknown =>
      readRunConfig({ ...run, tokens: -1, recompute: 'yes', extra: 1 }, 'run.json');
    expect(attempt).toThrow(/"tokens" is -1.*"recompute" is "yes".*"extra" is not known/);
  });

  it('does not report what only follows from a mistake elsewhere', () => {
    const model = {
      ...TOY_MODEL,
      hiddenSize: 'wide',
      headSize: undefined,
      numKeyValueHeads: undefined,
      numHeads: 0,
    };
    const attempt = (): unknown => readRunConfig({ ...run, model, microBatchTokens: -1 }, 'run.json');
    expect(attempt).toThrow(/"model.hiddenSize" is "wide".*"model.numHeads" is 0/);
    expect(attempt).not.toThrow(/null|headSize|numKeyValueHeads/);
  });

  it('a model that no weights could fit is refused', () => {
    const model = { ...TOY_MODEL, numExpertsPerToken: 9 };
    expect(() => readRunConfig({ ...run, model }, 'run.json')).toThrow(
      /9 experts for each token, but only 8/,
    );
  });

  it('what the run does not reach is refused', () => {
    const late = readRunConfig(
      {
        ...run,
        laterData: [{ from: 5000, data: { mix: [{ shards: ['a.tok'] }] } }],
        batch: [{ tokens: 4096 }, { from: 6000, tokens: 8192 }],
        checkpoint: { keepAtTokens: [5000, 7000] },
      },
      'run.json',
    );
    checkWithinRun(late, 7000);
    expect(() => checkWithinRun(late, 5000)).toThrow(
      'The run ends after 5000 tokens, before "laterData" from 5000, "batch" from 6000, "checkpoint.keepAtTokens" 7000',
    );
  });

  it('every field is in docs/training.md', () => {
    const docs = readFileSync(new URL('../../docs/training.md', import.meta.url), 'utf8');
    const fields = runFields();
    expect(fields).toEqual(
      expect.arrayContaining(['out', 'data.mix.chat.files', 'laterData.data.knots.probability']),
    );
    expect(fields.filter((field) => !docs.includes(`\`${field}\``))).toEqual([]);
  });
});
