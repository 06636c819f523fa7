import type { GgufValue } from '../format/gguf-values.ts';
import type { JsonObject } from '../format/hf-folder.ts';
import { symbol } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { GgufFields } from './gguf-fields.ts';
import type { HfFields } from './hf-fields.ts';
import type { LlamaCppProblem } from './llama-cpp-problem.ts';

/** The flat token axis. A batch is a table of which token belongs to whom, and that table is the step's business. */
export const T = symbol('T');
/** Rows whose logits are requested. */
export const O = symbol('O');

/** What every part of the project may ask of a configuration. All other fields are the business of its architecture. */
export interface ModelConfig {
  /** `Architecture.name` of the one that made it. */
  readonly architecture: string;
  readonly vocabSize: number;
  /** D */
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly ropeTheta: number;
  readonly contextLength: number;
  /** The output matrix is the embedding table. */
  readonly tiedEmbeddings: boolean;
  /** Experts that see every token, in architectures that have such. */
  readonly numSharedExperts?: number;
  /** Rows are in the order of a GGUF file, which differs from that of a folder where a weight has `hfRowOf`. */
  readonly hasGgufRows?: true;
}

/**
 * What surrounds the model. The trainer gives plain causal attention, the engine attention over its cache; the model
 * does not know the difference.
 */
export interface Step {
  readonly tokens_T: Tensor;
  readonly positions_T: Tensor;
  /** The rows whose logits are requested, [O]; all rows where it is absent. */
  readonly outputRows_O?: Tensor;
  attend(layer: number, q_TNH: Tensor, k_TGH: Tensor, v_TGH: Tensor): Tensor;
  /** Receives the input of each layer. */
  onLayer?(layer: number, h_TD: Tensor): void;
  /** Receives, for each layer with experts, which ones every token goes to, best first, and the scores of all. */
  onRouted?(layer: number, experts_TK: Tensor, scores_TE: Tensor): void;
}

/** The graph's tensor for a weight. */
export type Weights = (name: string) => Tensor;

/**
 * One weight of the network: what the graph calls it, its shape, and where the two file formats keep it. In every
 * architecture the tables of the vocabulary are called `tokenEmbedding` and, where it is not tied, `output`.
 */
export interface WeightSpec {
  readonly name: string;
  /** Row-major, outermost axis first. */
  readonly shape: readonly number[];
  readonly gguf: string;
  /**
   * Hugging Face name; for experts `{e}` stands for the expert's number and each one is a tensor of its own. Absent where
   * `config.json` says what the values are.
   */
  readonly hf?: string;
  /** Which row of a folder's matrix is this row of a GGUF file's; absent: the same. */
  readonly hfRowOf?: (ggufRow: number) => number;
  /** The layer it belongs to. */
  readonly layer?: number;
  readonly isNorm?: boolean;
  /** The router and its bias stay f32 in every file. */
  readonly isRouter?: boolean;
  /** How training changes it; absent: by its gradient. Balancing moves the biases of routers; constants stay. */
  readonly trainedBy?: 'balancing' | 'nothing';
  /** One matrix for each expert, along the first axis; a token uses this many of them. */
  readonly numChosen?: number;
  /** Its values where a file leaves it out; a weight without a fallback must be there. */
  readonly fallback?: () => Float32Array<ArrayBuffer>;
}

/** Fields of "model" in the file of a training run. A field without a fallback must be there. */
export interface RunFields {
  number(name: string, rule?: RunFieldRule): number;
  /** Of at least `min`, 1 where it is absent. */
  integer(name: string, rule?: RunFieldRule): number;
  boolean(name: string, fallback: boolean): boolean;
}

interface RunFieldRule {
  readonly fallback?: number;
  readonly min?: number;
  readonly max?: number;
}

/** A family of models: how its files spell a configuration, which weights follow from one, and what they compute. */
export interface Architecture<C extends ModelConfig = ModelConfig> {
  /** `general.architecture` of a GGUF file, and "architecture" in the file of a training run. */
  readonly name: C['architecture'];
  /** `model_type` of a Hugging Face `config.json`. */
  readonly hfModelType: string;
  /** `architectures` of the same file: transformers' class. */
  readonly hfClass: string;
  /** What messages call its models. */
  readonly title: string;
  /** Readers of this architecture insist on an output matrix, so GGUF files repeat one that is tied. */
  readonly repeatsTiedOutput?: boolean;

  /** Readers refuse by name (`fields.refuseIf`) whatever would be computed wrongly if it were ignored. */
  readGguf(fields: GgufFields): C;
  readHf(fields: HfFields): C;
  /** `sequenceLength` is that of the run's data. */
  readRun(fields: RunFields, sequenceLength: number): Omit<C, 'vocabSize'>;
  /** The network's keys, without the architecture's prefix. */
  writeGguf(config: C): [key: string, value: GgufValue][];
  writeHf(config: C): JsonObject;

  /** What makes a configuration impossible, beyond what holds for all architectures. */
  findProblems(config: C): string[];
  /** What llama.cpp refuses or computes otherwise, beyond what holds for all architectures. */
  llamaCppProblems(config: C): LlamaCppProblem[];
  /** In the order of the forward pass; what layers share comes last. */
  weightSpecs(config: C): WeightSpec[];
  /** tokens_T -> last_OD, after the last norm. */
  hidden(w: Weights, config: C, step: Step): Tensor;
  /** Lines of `dots info`: label and text. */
  describe(config: C): [label: string, text: string][];
}
