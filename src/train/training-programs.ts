import type { Backend, Executable } from '../backend/backend.ts';
import type { Store } from '../backend/store.ts';
import { compile } from '../compile/compile.ts';
import { layoutSlots, type Program } from '../compile/program.ts';
import { closeAll, closeOnThrow } from '../core/closing.ts';
import type { Batch } from '../data/batch.ts';
import { f32 } from '../dtype/index.ts';
import type { Graph } from '../graph/tensor.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { routedLayers } from '../model/weights.ts';
import type { OptimizerOptions } from './optimizer.ts';
import { gradientGraph, measureGraph, normGraph, updateGraph } from './training-graphs.ts';

export interface TrainingProgramOptions extends OptimizerOptions {
  /** α of the sequence-wise balance loss; 0 leaves it out. */
  readonly balanceLoss: number;
  readonly recompute: boolean;
}

export interface GradientResult {
  /** Mean loss of the counted targets, each by its weight. */
  readonly loss: number;
  /** The balance loss, α included, added up over layers. */
  readonly balanceLoss: number;
  /** How often each expert was chosen, by layer. */
  readonly counts: ReadonlyMap<number, Float64Array>;
  /** Norm of all gradients together, before clipping. */
  readonly gradientNorm: number;
}

/** The programs of training, loaded. An optimiser step is `gradients`, micro-batch by micro-batch, then `update`. */
export class TrainingPrograms {
  readonly workingBytes: number;
  private readonly config: ModelConfig;
  private readonly options: TrainingProgramOptions;
  /** Gradients of a micro-batch, their norm, the update, and the losses of held-out text. */
  readonly programs: { gradients: Executable; norm: Executable; update: Executable; measure: Executable };

  private constructor(
    config: ModelConfig,
    options: TrainingProgramOptions,
    programs: TrainingPrograms['programs'],
    workingBytes: number,
  ) {
    this.config = config;
    this.options = options;
    this.programs = programs;
    this.workingBytes = workingBytes;
  }

  /** `store` holds what `storeSpecs` lists. `numTokens`: the longest micro-batch, for `workingBytes`. */
  static async load(
    backend: Backend,
    config: ModelConfig,
    store: Store,
    options: TrainingProgramOptions,
    numTokens: number,
  ): Promise<TrainingPrograms> {
    const { supports } = backend;
    const balance = options.balanceLoss > 0;
    const graph = gradientGraph(config, { balance, recompute: options.recompute, supports });
    const gradients = compile(graph, { name: 'gradients', supports });
    return closeOnThrow(async (own) => {
      const load = async (program: Program): Promise<Executable> =>
        own(await backend.load(program, new Map(), { stateBindings: {}, stateType: f32, store }));
      const loadGraph = (name: string, of: Graph) => load(compile(of, { name, supports }));
      const programs = {
        gradients: await load(gradients),
        norm: await loadGraph('norm', normGraph(config)),
        update: await loadGraph('update', updateGraph(config, options)),
        measure: await loadGraph('measure', measureGraph(config, supports)),
      };
      const workingBytes = layoutSlots(gradients, { T: numTokens }).sizeBytes;
      return new TrainingPrograms(config, options, programs, workingBytes);
    });
  }

  /**
   * Sum the gradients of the mean loss of all micro-batches together into the store, where they must have been zero.
   * An aborted signal is heeded between micro-batches; parameters are then as they were.
   */
  async gradients(microBatches: readonly Batch[], signal?: AbortSignal): Promise<GradientResult> {
    const { balanceLoss } = this.options;
    const total = microBatches.reduce((sum, batch) => sum + countedWeight(batch), 0);
    const counts = new Map(
      routedLayers(this.config).map(({ layer, numExperts }) => [layer, new Float64Array(numExperts)]),
    );
    let [loss, balance] = [0, 0];
    for (const batch of microBatches.map(trimmed)) {
      signal?.throwIfAborted();
      if (batch.tokens_T.length === 0) continue;
      const outputs = await this.programs.gradients.run(
        {
          ...inputsOf(batch),
          lossWeights: batch.lossWeights_T.map((weight) => (total === 0 ? 0 : weight / total)),
          balanceFactor: Float32Array.of(balanceLoss / microBatches.length),
        },
        { T: batch.tokens_T.length },
      );
      loss += sum(outputs.losses);
      balance += outputs.balance?.[0] ?? 0;
      for (const [layer, counts_E] of counts)
        outputs[`counts.${layer}`].forEach((count, e) => {
          counts_E[e] += count;
        });
    }
    const squares = await this.programs.norm.run({}, {});
    const gradientNorm = Math.sqrt(Object.values(squares).reduce((total_, [value]) => total_ + value, 0));
    return { loss, balanceLoss: balance, counts, gradientNorm };
  }

  /** Update the parameters with the summed gradients, clipped; leaves them at zero. `step` counts updates from 0. */
  async update(learningRate: number, gradientNorm: number, step: number): Promise<void> {
    const { beta1, beta2, clipNorm } = this.options;
    const clip = Math.min(1, clipNorm / (gradientNorm + 1e-6));
    const rates = Float32Array.of(learningRate, clip, 1 - beta1 ** (step + 1), 1 - beta2 ** (step + 1));
    await this.programs.update.run({ rates }, {});
  }

  /** Sum of the weighted losses of a batch. */
  async measure(whole: Batch): Promise<number> {
    const batch = trimmed(whole);
    if (batch.tokens_T.length === 0) return 0;
    const { losses } = await this.programs.measure.run(inputsOf(batch), { T: batch.tokens_T.length });
    return sum(losses);
  }

  async close(): Promise<void> {
    await closeAll(Object.values(this.programs));
  }
}

function inputsOf({ tokens_T, targets_T, positions_T, sequences_T, lossWeights_T }: Batch) {
  return {
    tokens: tokens_T,
    targets: targets_T,
    positions: positions_T,
    sequences: sequences_T,
    lossWeights: lossWeights_T,
  };
}

/**
 * A batch up to the last row that counts. No row before it sees those after it, and padding, the same token over and over,
 * must not be counted as what experts were chosen for.
 */
function trimmed(batch: Batch): Batch {
  const { targets_T, lossWeights_T } = batch;
  let length = targets_T.length;
  while (length > 0 && (targets_T[length - 1] < 0 || lossWeights_T[length - 1] === 0)) length--;
  if (length === targets_T.length) return batch;
  return {
    tokens_T: batch.tokens_T.subarray(0, length),
    targets_T: targets_T.subarray(0, length),
    positions_T: batch.positions_T.subarray(0, length),
    sequences_T: batch.sequences_T.subarray(0, length),
    lossWeights_T: lossWeights_T.subarray(0, length),
  };
}

/** What the targets of a batch count together. */
export function countedWeight({ targets_T, lossWeights_T }: Batch): number {
  return lossWeights_T.reduce((total, weight, t) => (targets_T[t] < 0 ? total : total + weight), 0);
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
