import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backend } from '../../src/backend/backend.ts';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import { Random } from '../../src/core/random.ts';
import type { Batch, BatchSource } from '../../src/data/batch.ts';
import type { JsonValue } from '../../src/format/json.ts';
import type { ModelConfig } from '../../src/model/architecture.ts';
import { type RunConfig, readRunConfig } from '../../src/train/run-config.ts';
import { RunFolder } from '../../src/train/run-folder.ts';
import type { TrainerOptions } from '../../src/train/trainer.ts';
import { candidates } from '../conformance/backends.ts';

/**
 * A language of 16 words, each of which is followed by one of two others. The n-th document is the same whatever the sizes
 * of batches, which have to be multiples of its length.
 */
export class ToySource implements BatchSource {
  private document = 0;
  private readonly documentLength: number;

  constructor(documentLength = 16) {
    this.documentLength = documentLength;
  }

  async next(numTokens: number): Promise<Batch> {
    if (numTokens % this.documentLength !== 0)
      throw new RangeError(`no whole documents in ${numTokens} tokens`);
    const tokens: number[] = [];
    const targets: number[] = [];
    let draws = new Random(0);
    for (let t = 0; t < numTokens; t++) {
      const isFirst = t % this.documentLength === 0;
      if (isFirst) draws = new Random(1000 + this.document++);
      const word = isFirst ? draws.below(16) : (targets[t - 1] as number);
      tokens.push(word);
      const isLast = (t + 1) % this.documentLength === 0;
      targets.push(isLast ? -1 : (word * 5 + 3 + draws.below(2)) % 16);
    }
    return {
      tokens_T: Int32Array.from(tokens),
      targets_T: Int32Array.from(targets),
      positions_T: Int32Array.from(tokens, (_, t) => t % this.documentLength),
      sequences_T: Int32Array.from(tokens, (_, t) => Math.floor(t / this.documentLength)),
      lossWeights_T: Float32Array.from(targets, (target) => (target < 0 ? 0 : 1)),
      numBytes: 4 * targets.filter((target) => target >= 0).length,
    };
  }

  position(): JsonValue {
    return this.document;
  }

  async seek(position: JsonValue): Promise<void> {
    this.document = position as number;
  }
}

export const TOY_MODEL = {
  vocabSize: 16,
  hiddenSize: 16,
  numLayers: 2,
  numHeads: 2,
  denseSize: 32,
  expertSize: 8,
  numExperts: 8,
  numExpertsPerToken: 2,
  numSharedExperts: 1,
};

export function toyRun(fields: Record<string, unknown> = {}): RunConfig {
  const run = {
    out: 'unused',
    model: TOY_MODEL,
    data: { mix: [{ shards: ['unused.tok'] }], sequenceLength: 16 },
    validation: { everySteps: 10, tokens: 64 },
    tokens: 30 * 64,
    microBatchTokens: 32,
    batch: [{ from: 0, tokens: 64 }],
    learningRate: { peak: 0.01, warmupSteps: 3, decays: [{ share: 0.3, to: 0.001 }] },
    init: { std: 0.1, seed: 1 },
    checkpoint: { everySteps: 10 },
    logEverySteps: 5,
    ...fields,
  };
  return readRunConfig(run, 'toy.json');
}

export async function toyFolder(): Promise<RunFolder> {
  return RunFolder.open(await mkdtemp(join(tmpdir(), 'dots-train-')));
}

const [native] = candidates();

/** What is there of the two: both learn the same (`trainer.test.ts`), but the native backend does it in a tenth of the time. */
export const BACKEND: Backend = native.backend?.supports('adamw') ? native.backend : referenceBackend;

export function toyOptions(run: RunConfig, folder: RunFolder, backend: Backend = BACKEND): TrainerOptions {
  return {
    run,
    model: run.model as ModelConfig,
    backend,
    folder,
    stages: [{ from: 0, source: new ToySource() }],
    validation: [{ name: 'toy', source: new ToySource(), numTokens: 1008 }],
    totalTokens: run.tokens as number,
  };
}
