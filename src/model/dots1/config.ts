import type { GgufValue } from '../../format/gguf-values.ts';
import type { JsonObject } from '../../format/hf-folder.ts';
import type { ModelConfig, RunFields } from '../architecture.ts';
import { type AttentionConfig, attentionProblems } from '../blocks/attention.ts';
import { type ExpertsConfig, expertLlamaCppProblems, expertProblems } from '../blocks/experts.ts';
import type { SigmoidRouterConfig } from '../blocks/router.ts';
import { MAX_LAYERS } from '../config-fields.ts';
import { notPositive } from '../config-problems.ts';
import type { GgufFields } from '../gguf-fields.ts';
import type { HfFields } from '../hf-fields.ts';
import { applying, type LlamaCppProblem } from '../llama-cpp-problem.ts';

/** Everything that shapes a dots1 network. */
export interface Dots1Config extends ModelConfig, AttentionConfig, ExpertsConfig, SigmoidRouterConfig {
  readonly architecture: 'dots1';
  readonly hiddenSize: number;
  /** K */
  readonly numExpertsPerToken: number;
  /** Width of the feed-forward network in dense layers. */
  readonly denseSize: number;
  readonly numSharedExperts: number;
  /** Layers 0…n−1 have a dense network instead of experts. */
  readonly numDenseLayers: number;
}

/** Keys of llama.cpp's converter. */
export function readGguf(fields: GgufFields): Dots1Config {
  const gating = fields.number('expert_gating_func', 2);
  fields.refuseIf(gating !== 2, `a gating function numbered ${gating} (2, sigmoid, is the one)`);
  fields.refuseUnevenHeads();
  fields.refuseBiases();
  fields.refuseRopeScaling();
  const numHeads = fields.number('attention.head_count');
  const numLayers = fields.numLayers();
  return {
    architecture: 'dots1',
    vocabSize: fields.vocabSize(),
    hiddenSize: fields.number('embedding_length'),
    numLayers,
    numHeads,
    numKeyValueHeads: fields.number('attention.head_count_kv', numHeads),
    headSize: fields.headSize(),
    denseSize: fields.number('feed_forward_length'),
    expertSize: fields.number('expert_feed_forward_length'),
    numExperts: fields.number('expert_count'),
    numExpertsPerToken: fields.number('expert_used_count'),
    numSharedExperts: fields.number('expert_shared_count'),
    numDenseLayers: Math.min(fields.number('leading_dense_block_count'), numLayers),
    numGroups: fields.number('expert_group_count', 1),
    numKeptGroups: fields.number('expert_group_used_count', 1),
    // Absent would mean "false" to llama.cpp's loader, but every dots1 model normalises.
    normalizeTopK: fields.boolean('expert_weights_norm', true),
    routedScalingFactor: fields.number('expert_weights_scale'),
    normEps: fields.decimal('attention.layer_norm_rms_epsilon'),
    ropeTheta: fields.number('rope.freq_base', 10_000),
    contextLength: fields.number('context_length'),
    tiedEmbeddings: !fields.hasTensor('output.weight'),
  };
}

export function writeGguf(config: Dots1Config): [key: string, value: GgufValue][] {
  const u32 = (value: number): GgufValue => ({ type: 'u32', value });
  const f32 = (value: number): GgufValue => ({ type: 'f32', value });
  const groups: [string, GgufValue][] = [
    ['expert_group_count', u32(config.numGroups)],
    ['expert_group_used_count', u32(config.numKeptGroups)],
  ];
  return [
    ['block_count', u32(config.numLayers)],
    ['context_length', u32(config.contextLength)],
    ['embedding_length', u32(config.hiddenSize)],
    ['feed_forward_length', u32(config.denseSize)],
    ['attention.head_count', u32(config.numHeads)],
    ['attention.head_count_kv', u32(config.numKeyValueHeads)],
    // Only readers that know the field take other widths than hidden size by number of heads.
    ['attention.key_length', u32(config.headSize)],
    ['attention.value_length', u32(config.headSize)],
    ['attention.layer_norm_rms_epsilon', f32(config.normEps)],
    ['rope.freq_base', f32(config.ropeTheta)],
    ['rope.dimension_count', u32(config.headSize)],
    ['vocab_size', u32(config.vocabSize)],
    ['expert_count', u32(config.numExperts)],
    ['expert_used_count', u32(config.numExpertsPerToken)],
    ['expert_feed_forward_length', u32(config.expertSize)],
    ['expert_shared_count', u32(config.numSharedExperts)],
    ['expert_weights_scale', f32(config.routedScalingFactor)],
    ['expert_weights_norm', { type: 'bool', value: config.normalizeTopK }],
    // 2 is sigmoid.
    ['expert_gating_func', u32(2)],
    ['leading_dense_block_count', u32(config.numDenseLayers)],
    // llama.cpp takes no limit that keeps all groups.
    ...(hasGroupLimit(config) ? groups : []),
  ];
}

export function readHf(fields: HfFields): Dots1Config {
  refuseVariants(fields);
  const numHeads = fields.number('num_attention_heads');
  const hiddenSize = fields.number('hidden_size');
  const numLayers = fields.numLayers();
  return {
    architecture: 'dots1',
    vocabSize: fields.number('vocab_size'),
    hiddenSize,
    numLayers,
    numHeads,
    numKeyValueHeads: fields.number('num_key_value_heads', numHeads),
    headSize: fields.number('head_dim', hiddenSize / numHeads),
    denseSize: fields.number('intermediate_size'),
    expertSize: fields.number('moe_intermediate_size'),
    numExperts: fields.numberOf(['n_routed_experts', 'num_local_experts', 'num_experts']),
    numExpertsPerToken: fields.number('num_experts_per_tok'),
    numSharedExperts: fields.number('n_shared_experts'),
    numDenseLayers: Math.min(fields.number('first_k_dense_replace'), numLayers),
    numGroups: fields.number('n_group', 1),
    numKeptGroups: fields.number('topk_group', 1),
    normalizeTopK: fields.boolean('norm_topk_prob'),
    routedScalingFactor: fields.number('routed_scaling_factor'),
    normEps: fields.number('rms_norm_eps'),
    ropeTheta: fields.ropeTheta(),
    contextLength: fields.number('max_position_embeddings'),
    tiedEmbeddings: fields.boolean('tie_word_embeddings', false),
  };
}

/** Variants that transformers' class allows but that would be computed wrongly if ignored. */
function refuseVariants(fields: HfFields): void {
  // "noaux_tc" stood here by mistake in the first release; it means sigmoid.
  const scoring = fields.value('scoring_func') ?? 'sigmoid';
  fields.refuseIf(
    scoring !== 'sigmoid' && scoring !== 'noaux_tc',
    `router scores by ${JSON.stringify(scoring)}`,
  );
  fields.refuseOtherActivations();
  fields.refusePartialRotation();
  fields.refuseIf(fields.boolean('attention_bias', false), 'biases in attention');
  fields.refuseIf(fields.number('moe_layer_freq', 1) !== 1, 'experts in every n-th layer only');
  fields.refuseRopeScaling();
  // The class default is a window of 4,096 from layer `max_window_layers` on; only a window that some layer uses matters.
  const types = fields.list('layer_types');
  const isWindowed =
    types.length > 0
      ? types.some((type) => type !== 'full_attention')
      : fields.value('sliding_window') !== undefined &&
        fields.number('max_window_layers', 62) < fields.number('num_hidden_layers', 0);
  fields.refuseIf(isWindowed, 'sliding-window attention');
}

/** In the spelling of the released files. */
export function writeHf(config: Dots1Config): JsonObject {
  return {
    attention_bias: false,
    attention_dropout: 0,
    first_k_dense_replace: config.numDenseLayers,
    head_dim: config.headSize,
    hidden_act: 'silu',
    initializer_range: 0.006,
    intermediate_size: config.denseSize,
    max_window_layers: config.numLayers,
    moe_intermediate_size: config.expertSize,
    moe_layer_freq: 1,
    n_group: config.numGroups,
    n_routed_experts: config.numExperts,
    n_shared_experts: config.numSharedExperts,
    norm_topk_prob: config.normalizeTopK,
    num_attention_heads: config.numHeads,
    num_experts_per_tok: config.numExpertsPerToken,
    num_key_value_heads: config.numKeyValueHeads,
    rms_norm_eps: config.normEps,
    rope_scaling: null,
    routed_scaling_factor: config.routedScalingFactor,
    scoring_func: 'sigmoid',
    sliding_window: null,
    topk_group: config.numKeptGroups,
    topk_method: 'noaux_tc',
  };
}

export function readRun(fields: RunFields, sequenceLength: number): Omit<Dots1Config, 'vocabSize'> {
  const hiddenSize = fields.integer('hiddenSize');
  const numHeads = fields.integer('numHeads');
  const numLayers = fields.integer('numLayers', { max: MAX_LAYERS });
  const numDenseLayers = fields.integer('numDenseLayers', { fallback: 1, min: 0 });
  const forDense = numDenseLayers > 0 ? {} : { fallback: 1 };
  const forExperts = numDenseLayers < numLayers ? {} : { fallback: 1 };
  return {
    architecture: 'dots1',
    hiddenSize,
    numLayers,
    numHeads,
    numKeyValueHeads: fields.integer('numKeyValueHeads', { fallback: numHeads }),
    headSize: fields.integer('headSize', { fallback: hiddenSize / numHeads }),
    denseSize: fields.integer('denseSize', forDense),
    expertSize: fields.integer('expertSize', forExperts),
    numExperts: fields.integer('numExperts', forExperts),
    numExpertsPerToken: fields.integer('numExpertsPerToken', forExperts),
    numSharedExperts: fields.integer('numSharedExperts', { fallback: 0, min: 0 }),
    numDenseLayers,
    numGroups: fields.integer('numGroups', { fallback: 1 }),
    numKeptGroups: fields.integer('numKeptGroups', { fallback: 1 }),
    normalizeTopK: fields.boolean('normalizeTopK', true),
    routedScalingFactor: fields.number('routedScalingFactor', { fallback: 2.5 }),
    normEps: fields.number('normEps', { fallback: 1e-5 }),
    ropeTheta: fields.number('ropeTheta', { fallback: 1e7 }),
    contextLength: fields.integer('contextLength', { fallback: sequenceLength }),
    tiedEmbeddings: fields.boolean('tiedEmbeddings', false),
  };
}

export function findProblems(config: Dots1Config): string[] {
  const { numExperts, numGroups, numKeptGroups, numExpertsPerToken } = config;
  const problems = [...attentionProblems(config), ...notPositive(config, ['numGroups', 'numKeptGroups'])];
  if (config.numDenseLayers > 0) problems.push(...notPositive(config, ['denseSize']));
  if (config.numDenseLayers < config.numLayers) {
    problems.push(...expertProblems(config));
    if (numExperts % numGroups !== 0)
      problems.push(`${numExperts} experts do not divide into ${numGroups} groups`);
    if (numKeptGroups > numGroups) problems.push(`${numKeptGroups} of ${numGroups} groups kept`);
    const reachable = (numExperts / numGroups) * numKeptGroups;
    if (numExpertsPerToken > reachable)
      problems.push(`${numExpertsPerToken} experts for each token, but the kept groups hold ${reachable}`);
  }
  if (!Number.isFinite(config.routedScalingFactor))
    problems.push('a routed scaling factor that is not a number');
  return problems;
}

export function llamaCppProblems(config: Dots1Config): LlamaCppProblem[] {
  const { numHeads, numKeyValueHeads, numExperts, numGroups } = config;
  return [
    ...expertLlamaCppProblems(config),
    ...applying([
      {
        applies: numKeyValueHeads < numHeads,
        effect: 'refuses',
        why: `its ${numHeads} query heads share ${numKeyValueHeads} key/value heads`,
        remedy: 'with as many key/value heads as query heads',
      },
      {
        applies: config.numSharedExperts === 0 && config.numDenseLayers < config.numLayers,
        effect: 'refuses',
        why: 'it has no shared expert',
        remedy: 'with at least one shared expert',
      },
      {
        applies: hasGroupLimit(config) && numGroups >= numExperts,
        effect: 'refuses',
        why: `its ${numGroups} groups hold one expert each`,
        remedy: 'with fewer groups than experts',
      },
    ]),
  ];
}

/** Keeping all groups limits nothing. */
function hasGroupLimit({ numGroups, numKeptGroups }: Dots1Config): boolean {
  return numKeptGroups < numGroups;
}
