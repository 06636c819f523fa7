/** A model in memory as f32, whose gradients and logits are computed text by text. */
import type { Backend, Executable } from '../backend/backend.ts';
import type { Store } from '../backend/store.ts';
import { compile } from '../compile/compile.ts';
import { closeAll, closeOnThrow } from '../core/closing.ts';
import { InternalError } from '../core/errors.ts';
import { f32 } from '../dtype/index.ts';
import type { StoredWeight } from '../graph/stored-weight.ts';
import type { Graph } from '../graph/tensor.ts';
import type { ModelConfig, WeightSpec } from '../model/architecture.ts';
import { type RoutedLayer, routedLayers, weightSpecs } from '../model/weights.ts';
import { gradientOf, trainedSpecs } from '../train/names.ts';
import { gradientGraph } from '../train/training-graphs.ts';
import { logitsGraph, marginGradientGraph, scoresGraph } from './sensitivity-graphs.ts';

/** Bytes of memory for each weight: its value, now and before, its gradient, and its encodings in what types are tried. */
export const BYTES_PER_WEIGHT = 18;

/** Weights and gradients, in the order of rows of the file that they came from. */
export class ResidentModel {
  readonly config: ModelConfig;
  readonly routed: readonly RoutedLayer[];
  private readonly trained: readonly WeightSpec[];
  private readonly store: Store;
  private readonly programs: {
    readonly logits: Executable;
    readonly gradients: Executable;
    readonly scores: Executable | undefined;
    readonly margins: ReadonlyMap<number, Executable>;
  };

  private constructor(config: ModelConfig, store: Store, programs: ResidentModel['programs']) {
    this.config = config;
    this.routed = routedLayers(config);
    this.trained = trainedSpecs(config);
    this.store = store;
    this.programs = programs;
  }

  /** Throws `ResourceError` where memory is short. */
  static async open(
    backend: Backend,
    config: ModelConfig,
    weights: ReadonlyMap<string, StoredWeight>,
  ): Promise<ResidentModel> {
    return closeOnThrow(async (own) => {
      const { supports } = backend;
      const store = own(
        backend.createStore([
          ...weightSpecs(config).map(({ name, shape }) => ({ name, shape })),
          ...trainedSpecs(config).map(({ name, shape }) => ({ name: gradientOf(name), shape })),
        ]),
      );
      for (const [name, weight] of weights) await copyWeight(store.array(name), weight);
      const load = async (name: string, graph: Graph): Promise<Executable> =>
        own(
          await backend.load(compile(graph, { name, supports }), new Map(), {
            stateBindings: {},
            stateType: f32,
            store,
          }),
        );
      const routed = routedLayers(config);
      const margins = new Map<number, Executable>();
      for (const { layer } of routed)
        margins.set(layer, await load(`margins.${layer}`, marginGradientGraph(config, layer, supports)));
      return new ResidentModel(config, store, {
        logits: await load('logits', logitsGraph(config)),
        gradients: await load(
          'gradients',
          gradientGraph(config, { balance: false, recompute: false, supports }),
        ),
        scores: routed.length > 0 ? await load('scores', scoresGraph(config)) : undefined,
        margins,
      });
    });
  }

  /** What the programs read: whoever changes it changes the model. */
  weight(name: string): Float32Array {
    return this.store.array(name);
  }

  /** What the last gradient program added up; undefined for a weight that does not learn by gradients. */
  gradient(name: string): Float32Array | undefined {
    return this.store.shape(gradientOf(name)) && this.store.array(gradientOf(name));
  }

  /** tokens_T -> [T, V]. Weights and activations are f32. */
  async logits(tokens_T: Int32Array, signal?: AbortSignal): Promise<Float32Array> {
    const { logits } = await this.programs.logits.run(inputsOf(tokens_T), { T: tokens_T.length }, signal);
    return logits;
  }

  /** Scores of all experts by layer, each [T, E]. */
  async scores(tokens_T: Int32Array, signal?: AbortSignal): Promise<ReadonlyMap<number, Float32Array>> {
    if (!this.programs.scores) return new Map();
    const found = await this.programs.scores.run(inputsOf(tokens_T), { T: tokens_T.length }, signal);
    return new Map(this.routed.map(({ layer }) => [layer, found[`scores.${layer}`]]));
  }

  /** Gradients of Σ −ln p(target). */
  async likelihoodGradients(
    tokens_T: Int32Array,
    targets_T: Int32Array,
    signal?: AbortSignal,
  ): Promise<void> {
    this.clearGradients();
    const lossWeights = new Float32Array(tokens_T.length).fill(1);
    const inputs = { ...inputsOf(tokens_T), targets: targets_T, lossWeights };
    await this.programs.gradients.run(inputs, { T: tokens_T.length }, signal);
  }

  /** Gradients of Σ factors · scores of one layer; zero for the weights that those scores do not depend on. */
  async marginGradients(
    tokens_T: Int32Array,
    layer: number,
    factors_TE: Float32Array,
    signal?: AbortSignal,
  ): Promise<void> {
    this.clearGradients();
    const program = this.programs.margins.get(layer) as Executable;
    await program.run({ ...inputsOf(tokens_T), factors: factors_TE }, { T: tokens_T.length }, signal);
  }

  async close(): Promise<void> {
    const { logits, gradients, scores, margins } = this.programs;
    await closeAll([this.store, logits, gradients, ...(scores ? [scores] : []), ...margins.values()]);
  }

  private clearGradients(): void {
    for (const { name } of this.trained) this.store.array(gradientOf(name)).fill(0);
  }
}

function inputsOf(tokens_T: Int32Array) {
  return {
    tokens: tokens_T,
    positions: Int32Array.from(tokens_T.keys()),
    sequences: new Int32Array(tokens_T.length),
  };
}

async function copyWeight(target: Float32Array, weight: StoredWeight): Promise<void> {
  let at = 0;
  for (const part of weight.parts) {
    const bytes = await part.read();
    const count = (bytes.length / weight.type.blockBytes) * weight.type.blockElements;
    weight.type.decode(bytes, 0, target, at, count);
    at += count;
  }
  if (at !== target.length)
    throw new InternalError(`${weight.name} has ${at} values, expected ${target.length}`);
}
