/** What a configuration of `train-configs.json` holds and what a step of it must compute, by arithmetic alone. */
import { readFileSync } from 'node:fs';

/**
 * A configuration as in a config.json.
 * @typedef {{
 *   hidden_size: number, vocab_size: number, num_hidden_layers: number, head_dim?: number,
 *   num_attention_heads: number, num_key_value_heads: number, intermediate_size: number, moe_intermediate_size: number,
 *   n_routed_experts: number, n_shared_experts: number, num_experts_per_tok: number, first_k_dense_replace: number,
 *   initializer_range: number,
 * }} HfConfig
 *
 * @typedef {{ what: string, batch: { sequences: number, length: number }, config: HfConfig }} TrainConfig
 */

/** @returns {Record<string, TrainConfig>} by name */
export function trainConfigs() {
  return JSON.parse(readFileSync(new URL('train-configs.json', import.meta.url), 'utf8'));
}

/**
 * Parameters in all, those used for one token, and of these the ones in matrices that multiply it.
 * @param {HfConfig} config
 */
export function parameters(config) {
  const { hidden_size: width, vocab_size: vocab, num_hidden_layers: layers } = config;
  const headWidth = config.head_dim ?? width / config.num_attention_heads;
  const attention = width * headWidth * (2 * config.num_attention_heads + 2 * config.num_key_value_heads);
  const norms = 2 * width + 2 * headWidth;
  const expert = 3 * width * config.moe_intermediate_size;
  const dense = 3 * width * config.intermediate_size;
  const router = width * config.n_routed_experts;
  const numDense = config.first_k_dense_replace;
  const numSparse = layers - numDense;
  const shared = config.n_shared_experts * expert;

  const multiplied =
    layers * attention +
    numDense * dense +
    numSparse * (config.num_experts_per_tok * expert + shared + router) +
    vocab * width;
  const rest = layers * norms + numSparse * config.n_routed_experts + width;
  const idle = numSparse * (config.n_routed_experts - config.num_experts_per_tok) * expert;
  return {
    total: multiplied + rest + idle + vocab * width,
    active: multiplied + rest + vocab * width,
    multiplied,
  };
}

/**
 * Floating-point operations of forward and backward for one token of a sequence: 2 for each multiply-add, and the backward
 * pass has two products for each of the forward one. A token attends to itself and all before it, (length + 1) / 2 on average,
 * once with its query and once with its weights. Recomputation is not counted, nor anything that is not a product.
 * @param {HfConfig} config
 * @param {number} length
 */
export function flopsPerToken(config, length) {
  const headWidth = config.head_dim ?? config.hidden_size / config.num_attention_heads;
  const linear = 6 * parameters(config).multiplied;
  const attention =
    6 * config.num_hidden_layers * config.num_attention_heads * headWidth * 2 * ((length + 1) / 2);
  return { linear, attention, total: linear + attention };
}

/**
 * Token ids of a step: floor(V u³), so that the smaller ones are frequent and the experts not needed equally. The twin of
 * `batch` in peers/torch-train.py; u is a counter through the finalizer of MurmurHash3, as in test/fixtures/random-dots1.ts.
 * @param {number} vocabSize
 * @param {number} count
 * @param {number} step
 */
export function benchTokens(vocabSize, count, step) {
  let start = 0x811c9dc5;
  for (const byte of new TextEncoder().encode('batch')) start = Math.imul(start ^ byte, 0x01000193);
  start ^= step;
  return Int32Array.from({ length: count }, (_, i) => {
    let h = (start + Math.imul(i, 0x9e3779b9)) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    const u = ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
    return Math.floor(vocabSize * (u * u * u));
  });
}
