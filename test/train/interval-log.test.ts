import { describe, expect, it } from 'vitest';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import type { ModelConfig } from '../../src/model/architecture.ts';
import { IntervalLog } from '../../src/train/interval-log.ts';
import { storeSpecs } from '../../src/train/parameters.ts';
import { toyRun } from './toy.ts';

const model = toyRun().model as ModelConfig;
const store = referenceBackend.createStore(storeSpecs(model, 'adamw'));
store.array('layers.1.routerBias').set([0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, -0.1]);

/** What a step gives: its loss, and how often each of the eight experts of layer 1 was chosen. */
const result = (loss: number, ...counts: number[]) => ({
  loss,
  balanceLoss: loss / 8,
  gradientNorm: 2 * loss,
  counts: new Map([[1, Float64Array.from(counts)]]),
});

describe('IntervalLog', () => {
  it('gives means over the steps, the last loss and the load that experts had together', () => {
    const log = new IntervalLog(model, store);
    log.add(result(4, 32, 0, 0, 0, 0, 0, 0, 0), 0.1, 64, 500);
    log.add(result(2, 0, 32, 0, 0, 0, 0, 0, 0), 0.2, 128, 1000);
    expect(log.lastStepTokens).toBe(128);
    expect(log.finish(7, 999)).toMatchObject({
      type: 'step',
      ...{ step: 7, tokens: 999, steps: 2, loss: 3, lastLoss: 2, balanceLoss: 0.375, gradientNorm: 6 },
      // The rate is that of the last step.
      ...{ learningRate: 0.2, tokensPerSecond: 128 },
      layers: [
        {
          layer: 1,
          load: [0.5, 0.5, 0, 0, 0, 0, 0, 0],
          // Half of the load is four times the mean; each single step gave all of it to one expert.
          ...{ maxViolation: 3, stepViolation: 7, numDead: 6, entropy: 0.3333 },
          ...{ biasDrift: 0.3, biasSpread: 0.2 },
        },
      ],
    });
  });

  it('begins anew with each line; only the speed is that of the whole process', () => {
    const log = new IntervalLog(model, store);
    expect(log.finish(0, 0)).toBeUndefined();
    expect(log.tokensPerSecond).toBe(0);
    log.add(result(4, 8, 8, 8, 8, 8, 8, 8, 8), 0.1, 100, 1000);
    expect(log.finish(1, 100)).toMatchObject({ loss: 4, tokensPerSecond: 100 });
    log.add(result(1, 0, 16, 8, 8, 8, 8, 8, 8), 0.1, 200, 1000);
    expect(log.finish(2, 300)).toMatchObject({
      steps: 1,
      loss: 1,
      tokensPerSecond: 200,
      layers: [{ maxViolation: 1 }],
    });
    expect(log.tokensPerSecond).toBe(150);
  });
});
