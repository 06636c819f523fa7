/** A small random model, and every way in which `dots quantize` stores it: the files that llama.cpp was given too. */
import { join } from 'node:path';
import { configFromHf } from '../../src/model/config-hf.ts';
import { weightSpecs } from '../../src/model/weights.ts';
import { writeImportance } from '../../src/quantize/importance-files.ts';
import { isQuantised, STOCK_MIXES } from '../../src/quantize/stock-mixes.ts';
import { writeFolderWithBytes } from '../convert/llama-cpp-models.ts';
import { randomWeights } from '../convert/models.ts';
import { lcg } from '../dtype/random-blocks.ts';

/**
 * Rows of 256 and more, which the blocks of all types divide, but for `blk.0.ffn_down`, which gets a fallback as in
 * dots.llm1. Each token uses all four experts: which ones are chosen is then no matter of rounding.
 */
const CONFIG = {
  architectures: ['Dots1ForCausalLM'],
  model_type: 'dots1',
  vocab_size: 320,
  hidden_size: 256,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  intermediate_size: 352,
  moe_intermediate_size: 256,
  n_routed_experts: 4,
  n_shared_experts: 1,
  num_experts_per_tok: 4,
  first_k_dense_replace: 1,
  n_group: 1,
  topk_group: 1,
  norm_topk_prob: true,
  routed_scaling_factor: 2.5,
  hidden_act: 'silu',
  rms_norm_eps: 1e-5,
  rope_theta: 10000000,
  max_position_embeddings: 1024,
  tie_word_embeddings: false,
};

/** What the model reads, and the ids whose logits are recorded. */
export const TOKENS: readonly number[] = Array.from(lcg(11, 24), (state) => (state >>> 8) % 320);
export const POSITIONS: readonly number[] = [0, 7, 15, 23];
export const IDS: readonly number[] = Array.from({ length: 80 }, (_, i) => 4 * i);

/** The 24 types with blocks. */
export const TYPES: readonly string[] = [
  'q8_0 q6_k q5_1 q5_0 q5_k q4_1 q4_0 q4_k q3_k q2_k iq4_nl iq4_xs iq3_s iq3_xxs iq2_s iq2_xs iq2_xxs iq1_m iq1_s',
  'nvfp4 mxfp4 tq2_0 tq1_0 q1_0',
].flatMap((line) => line.split(' '));

/** Arguments of `dots quantize` by name: each mix, and each type for all matrices that it divides. */
export const QUANTISED: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...STOCK_MIXES.map((mix) => [mix, ['--type', mix]] as const),
  ...TYPES.map((type) => {
    const rules = ['blk\\.0\\.ffn_down=q8_0', `.=${type}`].flatMap((rule) => ['--tensor-type', rule]);
    return [
      `all ${type}`,
      ['--type', 'f16', ...rules, '--output-type', type, '--embedding-type', type],
    ] as const;
  }),
]);

/** The native backend multiplies with every type but one. */
export function backendFor(name: string): 'native' | 'reference' {
  return /\bq1_0$/.test(name) ? 'reference' : 'native';
}

/** The model in f32 as a Hugging Face folder, and an importance matrix from a formula. */
export async function writeModel(folder: string): Promise<{ model: string; imatrix: string }> {
  const model = join(folder, 'model');
  await writeFolderWithBytes(model, { config: CONFIG, weights: randomWeights(CONFIG, 3) });
  const entries = weightSpecs(configFromHf(CONFIG))
    .filter(({ gguf, shape }) => isQuantised({ name: gguf, shape }))
    .map(({ gguf, shape }, seed) => {
      const numMatrices = shape.length > 2 ? shape[0] : 1;
      const values = lcg(seed, numMatrices * shape[shape.length - 1]);
      const sums = Float32Array.from(values, (value) => 1024 * ((value >>> 8) / 2 ** 24) ** 4 + 1);
      return [gguf, { sums, counts: new Float32Array(numMatrices).fill(1024) }] as const;
    });
  const imatrix = join(folder, 'imatrix.gguf');
  await writeImportance(imatrix, {
    origin: imatrix,
    datasets: ['formula'],
    numChunks: 2,
    chunkTokens: 512,
    entries: new Map(entries),
  });
  return { model, imatrix };
}
