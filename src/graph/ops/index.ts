import type { OpFacts } from '../op.ts';
import { accumulate } from './accumulate.ts';
import { accumulateGroupedLinear } from './accumulate-grouped-linear.ts';
import { accumulateLinear } from './accumulate-linear.ts';
import { accumulateRows } from './accumulate-rows.ts';
import { adamw } from './adamw.ts';
import { add } from './add.ts';
import { after } from './after.ts';
import { balanceWeights } from './balance-weights.ts';
import { cachedAttention } from './cached-attention.ts';
import { causalAttention } from './causal-attention.ts';
import { causalAttentionGrad } from './causal-attention-grad.ts';
import { chooseExperts } from './choose-experts.ts';
import { countExperts } from './count-experts.ts';
import { crossEntropy } from './cross-entropy.ts';
import { crossEntropyGrad } from './cross-entropy-grad.ts';
import { embedding } from './embedding.ts';
import { fullLike } from './full-like.ts';
import { gather } from './gather.ts';
import { groupedLinear } from './grouped-linear.ts';
import { groupedLinearGradInput } from './grouped-linear-grad-input.ts';
import { groupedLinearGradWeight } from './grouped-linear-grad-weight.ts';
import { limitGroups } from './limit-groups.ts';
import { linear } from './linear.ts';
import { linearCrossEntropy } from './linear-cross-entropy.ts';
import { linearCrossEntropyGrad } from './linear-cross-entropy-grad.ts';
import { linearGradInput } from './linear-grad-input.ts';
import { linearGradWeight } from './linear-grad-weight.ts';
import { mul } from './mul.ts';
import { muon } from './muon.ts';
import { normalizeRows } from './normalize-rows.ts';
import { normalizeRowsGrad } from './normalize-rows-grad.ts';
import { reshape } from './reshape.ts';
import { rmsNorm } from './rms-norm.ts';
import { rmsNormGradInput } from './rms-norm-grad-input.ts';
import { rmsNormGradWeight } from './rms-norm-grad-weight.ts';
import { rope } from './rope.ts';
import { ropeGrad } from './rope-grad.ts';
import { scale } from './scale.ts';
import { scatterAddColumns } from './scatter-add-columns.ts';
import { scatterAddRows } from './scatter-add-rows.ts';
import { sigmoid } from './sigmoid.ts';
import { sigmoidGrad } from './sigmoid-grad.ts';
import { silu } from './silu.ts';
import { siluGrad } from './silu-grad.ts';
import { softmax } from './softmax.ts';
import { softmaxGrad } from './softmax-grad.ts';
import { sumRows } from './sum-rows.ts';
import { sumSquares } from './sum-squares.ts';
import { swiglu } from './swiglu.ts';
import { swigluGradGate } from './swiglu-grad-gate.ts';
import { takeColumns } from './take-columns.ts';
import { takeRows } from './take-rows.ts';
import { topK } from './top-k.ts';
import { weightedSum } from './weighted-sum.ts';
import { weightedSumGradRows } from './weighted-sum-grad-rows.ts';
import { weightedSumGradWeights } from './weighted-sum-grad-weights.ts';

/** Every op there is. A new op is a new file and one line here; `tsc` then names the kernels that are missing. */
export const ops = {
  accumulate,
  accumulateGroupedLinear,
  accumulateLinear,
  accumulateRows,
  adamw,
  add,
  after,
  balanceWeights,
  cachedAttention,
  causalAttention,
  causalAttentionGrad,
  chooseExperts,
  countExperts,
  crossEntropy,
  crossEntropyGrad,
  embedding,
  fullLike,
  gather,
  groupedLinear,
  groupedLinearGradInput,
  groupedLinearGradWeight,
  limitGroups,
  linear,
  linearCrossEntropy,
  linearCrossEntropyGrad,
  linearGradInput,
  linearGradWeight,
  mul,
  muon,
  normalizeRows,
  normalizeRowsGrad,
  reshape,
  rmsNorm,
  rmsNormGradInput,
  rmsNormGradWeight,
  rope,
  ropeGrad,
  scale,
  scatterAddColumns,
  scatterAddRows,
  sigmoid,
  sigmoidGrad,
  silu,
  siluGrad,
  softmax,
  softmaxGrad,
  sumRows,
  sumSquares,
  swiglu,
  swigluGradGate,
  takeColumns,
  takeRows,
  topK,
  weightedSum,
  weightedSumGradRows,
  weightedSumGradWeights,
} as const;

export type OpName = keyof typeof ops;

/** The facts of an op by its name, erased of its attribute type: compiler passes only hand attributes back. */
export function factsOf(name: string): OpFacts {
  return ops[name as OpName].facts as unknown as OpFacts;
}
