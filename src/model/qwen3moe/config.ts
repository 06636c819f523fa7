import type { GgufValue } from '../../format/gguf-values.ts';
import type { JsonObject } from '../../format/hf-folder.ts';
import type { ModelConfig, RunFields } from '../architecture.ts';
import { type AttentionConfig, attentionProblems } from '../blocks/attention.ts';
import { type ExpertsConfig, expertLlamaCppProblems, expertProblems } from '../blocks/experts.ts';
import type { SoftmaxRouterConfig } from '../blocks/router.ts';
import { MAX_LAYERS } from '../config-fields.ts';
import { notPositive } from '../config-problems.ts';
import type { GgufFields } from '../gguf-fields.ts';
import type { HfFields } from '../hf-fields.ts';
import { applying, type LlamaCppProblem } from '../llama-cpp-problem.ts';

/** Everything that shapes a Qwen3 network with experts. */
export interface Qwen3MoeConfig extends ModelConfig, AttentionConfig, ExpertsConfig, SoftmaxRouterConfig {
  readonly architecture: 'qwen3moe';
  readonly hiddenSize: number;
  /** K */
  readonly numExpertsPerToken: number;
  /** Layers that have a dense network instead of experts, in ascending order; none in the released models. */
  readonly denseLayers: readonly number[];
  /** Width of their feed-forward network. */
  readonly denseSize: number;
}

/** Keys of llama.cpp's converter. */
export function readGguf(fields: GgufFields): Qwen3MoeConfig {
  const gating = fields.number('expert_gating_func', 1);
  fields.refuseIf(gating !== 1, `a gating function numbered ${gating} (1, softmax, is the one)`);
  fields.refuseIf(fields.number('expert_shared_count', 0) > 0, 'shared experts');
  fields.refuseIf(fields.number('attention.sliding_window', 0) > 0, 'sliding-window attention');
  fields.refuseUnevenHeads();
  fields.refuseBiases();
  fields.refuseRopeScaling();
  const numHeads = fields.number('attention.head_count');
  const numLayers = fields.numLayers();
  return {
    architecture: 'qwen3moe',
    vocabSize: fields.vocabSize(),
    hiddenSize: fields.number('embedding_length'),
    numLayers,
    numHeads,
    numKeyValueHeads: fields.number('attention.head_count_kv', numHeads),
    headSize: fields.headSize(),
    denseSize: fields.number('feed_forward_length', 0),
    // No key says which layers are dense; their matrices do.
    denseLayers: layers(numLayers).filter((layer) => fields.hasTensor(`blk.${layer}.ffn_gate.weight`)),
    expertSize: fields.number('expert_feed_forward_length'),
    numExperts: fields.number('expert_count'),
    numExpertsPerToken: fields.number('expert_used_count'),
    // llama.cpp has no key for it and always normalises.
    normalizeTopK: fields.boolean('expert_weights_norm', true),
    normEps: fields.decimal('attention.layer_norm_rms_epsilon'),
    ropeTheta: fields.number('rope.freq_base', 10_000),
    contextLength: fields.number('context_length'),
    tiedEmbeddings: !fields.hasTensor('output.weight'),
  };
}

export function writeGguf(config: Qwen3MoeConfig): [key: string, value: GgufValue][] {
  const u32 = (value: number): GgufValue => ({ type: 'u32', value });
  const f32 = (value: number): GgufValue => ({ type: 'f32', value });
  return [
    ['block_count', u32(config.numLayers)],
    ['context_length', u32(config.contextLength)],
    ['embedding_length', u32(config.hiddenSize)],
    ['feed_forward_length', u32(config.denseSize)],
    ['attention.head_count', u32(config.numHeads)],
    ['attention.head_count_kv', u32(config.numKeyValueHeads)],
    ['attention.key_length', u32(config.headSize)],
    ['attention.value_length', u32(config.headSize)],
    ['attention.layer_norm_rms_epsilon', f32(config.normEps)],
    ['rope.freq_base', f32(config.ropeTheta)],
    ['rope.dimension_count', u32(config.headSize)],
    ['vocab_size', u32(config.vocabSize)],
    ['expert_count', u32(config.numExperts)],
    ['expert_used_count', u32(config.numExpertsPerToken)],
    ['expert_feed_forward_length', u32(config.expertSize)],
    ['expert_weights_norm', { type: 'bool', value: config.normalizeTopK }],
  ];
}

export function readHf(fields: HfFields): Qwen3MoeConfig {
  fields.refuseOtherActivations();
  fields.refusePartialRotation();
  fields.refuseIf(fields.boolean('attention_bias', false), 'biases in attention');
  const isWindowed = fields.list('layer_types').some((type) => type !== 'full_attention');
  fields.refuseIf(isWindowed || fields.boolean('use_sliding_window', false), 'sliding-window attention');
  fields.refuseRopeScaling();
  const numHeads = fields.number('num_attention_heads');
  const hiddenSize = fields.number('hidden_size');
  const numLayers = fields.numLayers();
  const every = fields.number('decoder_sparse_step', 1);
  fields.refuseIf(!(every >= 1) || !Number.isInteger(every), `experts in every ${every}th layer`);
  const dense = fields.list('mlp_only_layers');
  fields.refuseIf(!dense.every(Number.isInteger), `dense layers listed as ${JSON.stringify(dense)}`);
  return {
    architecture: 'qwen3moe',
    vocabSize: fields.number('vocab_size'),
    hiddenSize,
    numLayers,
    numHeads,
    numKeyValueHeads: fields.number('num_key_value_heads', numHeads),
    headSize: fields.number('head_dim', hiddenSize / numHeads),
    denseSize: fields.number('intermediate_size', 0),
    denseLayers: layers(numLayers).filter((layer) => (layer + 1) % every !== 0 || dense.includes(layer)),
    expertSize: fields.number('moe_intermediate_size'),
    numExperts: fields.numberOf(['num_experts', 'num_local_experts']),
    numExpertsPerToken: fields.number('num_experts_per_tok'),
    normalizeTopK: fields.boolean('norm_topk_prob'),
    normEps: fields.number('rms_norm_eps'),
    ropeTheta: fields.ropeTheta(),
    contextLength: fields.number('max_position_embeddings'),
    tiedEmbeddings: fields.boolean('tie_word_embeddings', false),
  };
}

/** In the spelling of the released files; dense layers are listed one by one. */
export function writeHf(config: Qwen3MoeConfig): JsonObject {
  return {
    attention_bias: false,
    attention_dropout: 0,
    decoder_sparse_step: 1,
    head_dim: config.headSize,
    hidden_act: 'silu',
    initializer_range: 0.02,
    intermediate_size: config.denseSize,
    max_window_layers: config.numLayers,
    mlp_only_layers: [...config.denseLayers],
    moe_intermediate_size: config.expertSize,
    norm_topk_prob: config.normalizeTopK,
    num_attention_heads: config.numHeads,
    num_experts: config.numExperts,
    num_experts_per_tok: config.numExpertsPerToken,
    num_key_value_heads: config.numKeyValueHeads,
    rms_norm_eps: config.normEps,
    rope_scaling: null,
    sliding_window: null,
    use_sliding_window: false,
  };
}

export function readRun(fields: RunFields, sequenceLength: number): Omit<Qwen3MoeConfig, 'vocabSize'> {
  const hiddenSize = fields.integer('hiddenSize');
  const numHeads = fields.integer('numHeads');
  const numLayers = fields.integer('numLayers', { max: MAX_LAYERS });
  const numDenseLayers = fields.integer('numDenseLayers', { fallback: 0, min: 0 });
  return {
    architecture: 'qwen3moe',
    hiddenSize,
    numLayers,
    numHeads,
    numKeyValueHeads: fields.integer('numKeyValueHeads', { fallback: numHeads }),
    headSize: fields.integer('headSize', { fallback: hiddenSize / numHeads }),
    denseSize: fields.integer('denseSize', numDenseLayers > 0 ? {} : { fallback: 1 }),
    denseLayers: layers(Math.min(numDenseLayers, numLayers)),
    expertSize: fields.integer('expertSize'),
    numExperts: fields.integer('numExperts'),
    numExpertsPerToken: fields.integer('numExpertsPerToken'),
    normalizeTopK: fields.boolean('normalizeTopK', true),
    normEps: fields.number('normEps', { fallback: 1e-6 }),
    ropeTheta: fields.number('ropeTheta', { fallback: 1e6 }),
    contextLength: fields.integer('contextLength', { fallback: sequenceLength }),
    tiedEmbeddings: fields.boolean('tiedEmbeddings', false),
  };
}

export function findProblems(config: Qwen3MoeConfig): string[] {
  return [
    ...attentionProblems(config),
    ...(config.denseLayers.length > 0 ? notPositive(config, ['denseSize']) : []),
    ...(config.denseLayers.length < config.numLayers ? expertProblems(config) : []),
  ];
}

export function llamaCppProblems(config: Qwen3MoeConfig): LlamaCppProblem[] {
  const { denseLayers, numLayers, normalizeTopK, numExperts, numExpertsPerToken } = config;
  const hasExperts = denseLayers.length < numLayers;
  return [
    ...expertLlamaCppProblems(config),
    ...applying([
      {
        applies: denseLayers.length > 0,
        effect: 'refuses',
        why: `${denseLayers.length} of its ${numLayers} layers have no experts`,
        remedy: 'with experts in every layer',
      },
      {
        // Weights of all experts add up to one either way.
        applies: hasExperts && !normalizeTopK && numExpertsPerToken < numExperts,
        effect: 'differs',
        why: "the weights of a token's experts are not normalised (norm_topk_prob), and llama.cpp always normalises them",
        remedy: 'with norm_topk_prob (normalizeTopK)',
      },
    ]),
  ];
}

function layers(count: number): number[] {
  return Array.from({ length: count }, (_, layer) => layer);
}
