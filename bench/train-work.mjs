/** What a configuration of `train-configs.json` holds and what a step of it must compute, by arithmetic alone. */
import { readFileSync } from 'node:fs';

/** Name -> { what, batch: { sequences, length }, parameters, flopsPerToken, config }, `config` as in a config.json. */
export function trainConfigs() {
  return JSON.parse(readFileSync(new URL('train-configs.json', import.meta.url), 'utf8'));
}

/** Parameters in all, those that one token meets, and of these the ones in matrices that multiply it. */
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
 * pass has two products for each of the forward one. A token meets itself and all before it, (length + 1) / 2 on average,
 * once with its query and once with its weights. Recomputation is not counted, nor anything that is not a product.
 */
export function flopsPerToken(config, length) {
  const headWidth = config.head_dim ?? config.hidden_size / config.num_attention_heads;
  const linear = 6 * parameters(config).multiplied;
  const attention =
    6 * config.num_hidden_layers * config.num_attention_heads * headWidth * 2 * ((length + 1) / 2);
  return { linear, attention, total: linear + attention };
}
