import { linear } from '../../graph/ops/linear.ts';
import { reshape } from '../../graph/ops/reshape.ts';
import { rmsNorm } from '../../graph/ops/rms-norm.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { type Step, T, type Weights } from '../architecture.ts';
import { notPositive } from '../config-problems.ts';
import type { LayerWeight } from './decoder.ts';

export interface AttentionConfig {
  /** D */
  readonly hiddenSize: number;
  /** N */
  readonly numHeads: number;
  /** G; smaller than `numHeads` where query heads share keys and values */
  readonly numKeyValueHeads: number;
  /** H */
  readonly headSize: number;
  readonly normEps: number;
}

/** Turns each head by its token's position. */
export type Rotate = (heads_TNH: Tensor) => Tensor;

/** Grouped heads: every `numHeads / numKeyValueHeads` query heads share one head of keys and values. */
export function attention(
  x_TD: Tensor,
  layer: number,
  w: Weights,
  step: Step,
  c: AttentionConfig,
  rotate: Rotate,
): Tensor {
  const q_TNH = heads(linear(x_TD, w('query')), c.numHeads, c);
  const k_TGH = heads(linear(x_TD, w('key')), c.numKeyValueHeads, c);
  const v_TGH = heads(linear(x_TD, w('value')), c.numKeyValueHeads, c);
  return merge(step.attend(layer, rotate(q_TNH), rotate(k_TGH), v_TGH), w, c);
}

/** The same with keys and queries normalised head by head before they are rotated (QK-norm); values are left alone. */
export function normedAttention(
  x_TD: Tensor,
  layer: number,
  w: Weights,
  step: Step,
  c: AttentionConfig,
  rotate: Rotate,
): Tensor {
  const eps = { eps: c.normEps };
  const q_TNH = rmsNorm(heads(linear(x_TD, w('query')), c.numHeads, c), w('queryNorm'), eps);
  const k_TGH = rmsNorm(heads(linear(x_TD, w('key')), c.numKeyValueHeads, c), w('keyNorm'), eps);
  const v_TGH = heads(linear(x_TD, w('value')), c.numKeyValueHeads, c);
  return merge(step.attend(layer, rotate(q_TNH), rotate(k_TGH), v_TGH), w, c);
}

function heads(y: Tensor, count: number, { headSize }: AttentionConfig): Tensor {
  return reshape(y, [T, count, headSize]);
}

function merge(o_TNH: Tensor, w: Weights, { numHeads, headSize }: AttentionConfig): Tensor {
  return linear(reshape(o_TNH, [T, numHeads * headSize]), w('attentionOutput'));
}

/** GGUF files keep rows of queries and keys that turn together next to each other, half a head apart in folders. */
export function pairedAttentionWeights(c: AttentionConfig): LayerWeight[] {
  const H = c.headSize;
  const hfRowOf = (row: number): number => row - (row % H) + (row % 2) * (H / 2) + ((row % H) >> 1);
  const [query, key, value] = projections(c);
  return [{ ...query, hfRowOf }, { ...key, hfRowOf }, value, outputProjection(c)];
}

export function normedAttentionWeights(c: AttentionConfig): LayerWeight[] {
  const norm = { shape: [c.headSize], isNorm: true };
  return [
    ...projections(c),
    { name: 'queryNorm', ...norm, gguf: 'attn_q_norm.weight', hf: 'self_attn.q_norm.weight' },
    { name: 'keyNorm', ...norm, gguf: 'attn_k_norm.weight', hf: 'self_attn.k_norm.weight' },
    outputProjection(c),
  ];
}

function projections({
  hiddenSize: D,
  numHeads,
  numKeyValueHeads,
  headSize,
}: AttentionConfig): LayerWeight[] {
  const queries = [numHeads * headSize, D];
  const keys = [numKeyValueHeads * headSize, D];
  return [
    { name: 'query', shape: queries, gguf: 'attn_q.weight', hf: 'self_attn.q_proj.weight' },
    { name: 'key', shape: keys, gguf: 'attn_k.weight', hf: 'self_attn.k_proj.weight' },
    { name: 'value', shape: keys, gguf: 'attn_v.weight', hf: 'self_attn.v_proj.weight' },
  ];
}

function outputProjection({ hiddenSize: D, numHeads, headSize }: AttentionConfig): LayerWeight {
  const shape = [D, numHeads * headSize];
  return { name: 'attentionOutput', shape, gguf: 'attn_output.weight', hf: 'self_attn.o_proj.weight' };
}

/** What makes a configuration of attention impossible. */
export function attentionProblems(c: AttentionConfig): string[] {
  const problems = notPositive(c, ['numHeads', 'numKeyValueHeads', 'headSize']);
  if (c.numHeads % c.numKeyValueHeads !== 0)
    problems.push(`${c.numHeads} query heads are not a multiple of ${c.numKeyValueHeads} key/value heads`);
  if (c.headSize % 2 !== 0) problems.push(`a head width of ${c.headSize} cannot be rotated in pairs`);
  if (!(c.normEps > 0)) problems.push(`a norm epsilon of ${c.normEps}`);
  return problems;
}

/** As `dots info` shows it: `32 heads of 128 (8 for keys and values)`. */
export function describeHeads({ numHeads, numKeyValueHeads, headSize }: AttentionConfig): string {
  const shared = numKeyValueHeads === numHeads ? '' : ` (${numKeyValueHeads} key/value heads)`;
  return `${numHeads} heads of ${headSize}${shared}`;
}
