import { UnsupportedError } from '../../core/errors.ts';
import type { GgufValue } from '../../format/gguf-values.ts';
import type { JsonObject } from '../../format/hf-folder.ts';
import type { ModelConfig, RunFields } from '../architecture.ts';
import { type AttentionConfig, attentionProblems } from '../blocks/attention.ts';
import { MAX_LAYERS } from '../config-fields.ts';
import { notPositive } from '../config-problems.ts';
import type { GgufFields } from '../gguf-fields.ts';
import type { HfFields } from '../hf-fields.ts';
import { type RopeScaling, scalingProblems } from './rope-scaling.ts';

/** Everything that shapes a Llama network. */
export interface LlamaConfig extends ModelConfig, AttentionConfig {
  readonly architecture: 'llama';
  readonly hiddenSize: number;
  /** F, width of the feed-forward network. */
  readonly denseSize: number;
  /** `stored`: a GGUF file has the factors that follow from the scaling, not the scaling itself. */
  readonly ropeScaling?: RopeScaling | 'stored';
}

/** Keys of llama.cpp's converter. */
export function readGguf(fields: GgufFields): LlamaConfig {
  fields.refuseIf(fields.number('expert_count', 0) > 0, 'experts');
  fields.refuseIf(fields.number('attention.sliding_window', 0) > 0, 'sliding-window attention');
  fields.refuseUnevenHeads();
  fields.refuseBiases();
  fields.refuseRopeScaling();
  const numHeads = fields.number('attention.head_count');
  return {
    architecture: 'llama',
    vocabSize: fields.vocabSize(),
    hiddenSize: fields.number('embedding_length'),
    numLayers: fields.numLayers(),
    numHeads,
    numKeyValueHeads: fields.number('attention.head_count_kv', numHeads),
    headSize: fields.headSize(),
    denseSize: fields.number('feed_forward_length'),
    normEps: fields.decimal('attention.layer_norm_rms_epsilon'),
    ropeTheta: fields.number('rope.freq_base', 10_000),
    ...(fields.hasTensor('rope_freqs.weight') && { ropeScaling: 'stored' }),
    contextLength: fields.number('context_length'),
    tiedEmbeddings: !fields.hasTensor('output.weight'),
    hasGgufRows: true,
  };
}

export function writeGguf(config: LlamaConfig): [key: string, value: GgufValue][] {
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
  ];
}

export function readHf(fields: HfFields): LlamaConfig {
  fields.refuseOtherActivations();
  fields.refusePartialRotation();
  fields.refuseIf(fields.boolean('attention_bias', false), 'biases in attention');
  fields.refuseIf(fields.boolean('mlp_bias', false), 'biases in its feed-forward network');
  fields.refuseIf(fields.boolean('rope_interleaved', false), 'interleaved rotation');
  const { type } = fields.ropeScaling();
  if (type !== 'llama3') fields.refuseRopeScaling();
  const numHeads = fields.number('num_attention_heads');
  const hiddenSize = fields.number('hidden_size');
  return {
    architecture: 'llama',
    vocabSize: fields.number('vocab_size'),
    hiddenSize,
    numLayers: fields.numLayers(),
    numHeads,
    numKeyValueHeads: fields.number('num_key_value_heads', numHeads),
    headSize: fields.number('head_dim', hiddenSize / numHeads),
    denseSize: fields.number('intermediate_size'),
    normEps: fields.number('rms_norm_eps'),
    ropeTheta: fields.ropeTheta(),
    ...(type === 'llama3' && { ropeScaling: readScaling(fields) }),
    contextLength: fields.number('max_position_embeddings'),
    tiedEmbeddings: fields.boolean('tie_word_embeddings', false),
  };
}

function readScaling(fields: HfFields): RopeScaling {
  return {
    factor: fields.ropeScalingNumber('factor'),
    lowFreqFactor: fields.ropeScalingNumber('low_freq_factor'),
    highFreqFactor: fields.ropeScalingNumber('high_freq_factor'),
    originalContextLength: fields.ropeScalingNumber('original_max_position_embeddings'),
  };
}

/** In the spelling of the released files. Throws `UnsupportedError` where only a GGUF file knew the scaling's factors. */
export function writeHf(config: LlamaConfig): JsonObject {
  return {
    attention_bias: false,
    attention_dropout: 0,
    head_dim: config.headSize,
    hidden_act: 'silu',
    initializer_range: 0.02,
    intermediate_size: config.denseSize,
    mlp_bias: false,
    num_attention_heads: config.numHeads,
    num_key_value_heads: config.numKeyValueHeads,
    pretraining_tp: 1,
    rms_norm_eps: config.normEps,
    rope_scaling: config.ropeScaling === undefined ? null : scalingToHf(config.ropeScaling),
  };
}

function scalingToHf(scaling: RopeScaling | 'stored'): JsonObject {
  if (scaling === 'stored') {
    throw new UnsupportedError(
      'Cannot write config.json: the model has the factors of its rope scaling only',
      {
        code: 'unsupported-variant',
        hint: 'take the Hugging Face folder of the model instead of a GGUF file',
      },
    );
  }
  return {
    factor: scaling.factor,
    high_freq_factor: scaling.highFreqFactor,
    low_freq_factor: scaling.lowFreqFactor,
    original_max_position_embeddings: scaling.originalContextLength,
    rope_type: 'llama3',
  };
}

export function readRun(fields: RunFields, sequenceLength: number): Omit<LlamaConfig, 'vocabSize'> {
  const hiddenSize = fields.integer('hiddenSize');
  const numHeads = fields.integer('numHeads');
  return {
    architecture: 'llama',
    hiddenSize,
    numLayers: fields.integer('numLayers', { max: MAX_LAYERS }),
    numHeads,
    numKeyValueHeads: fields.integer('numKeyValueHeads', { fallback: numHeads }),
    headSize: fields.integer('headSize', { fallback: hiddenSize / numHeads }),
    denseSize: fields.integer('denseSize'),
    normEps: fields.number('normEps', { fallback: 1e-5 }),
    ropeTheta: fields.number('ropeTheta', { fallback: 10_000 }),
    contextLength: fields.integer('contextLength', { fallback: sequenceLength }),
    tiedEmbeddings: fields.boolean('tiedEmbeddings', false),
  };
}

export function findProblems(config: LlamaConfig): string[] {
  const { ropeScaling } = config;
  return [
    ...attentionProblems(config),
    ...notPositive(config, ['denseSize']),
    ...(typeof ropeScaling === 'object' ? scalingProblems(ropeScaling, config.contextLength) : []),
  ];
}
