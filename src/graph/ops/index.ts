import type { OpFacts } from '../op.ts';
import { add } from './add.ts';
import { cachedAttention } from './cached-attention.ts';
import { causalAttention } from './causal-attention.ts';
import { chooseExperts } from './choose-experts.ts';
import { embedding } from './embedding.ts';
import { gather } from './gather.ts';
import { groupedLinear } from './grouped-linear.ts';
import { limitGroups } from './limit-groups.ts';
import { linear } from './linear.ts';
import { mul } from './mul.ts';
import { normalizeRows } from './normalize-rows.ts';
import { reshape } from './reshape.ts';
import { rmsNorm } from './rms-norm.ts';
import { rope } from './rope.ts';
import { scale } from './scale.ts';
import { sigmoid } from './sigmoid.ts';
import { silu } from './silu.ts';
import { swiglu } from './swiglu.ts';
import { takeRows } from './take-rows.ts';
import { topK } from './top-k.ts';
import { weightedSum } from './weighted-sum.ts';

/** Every op there is. A new op is a new file and one line here; `tsc` then names the kernels that are missing. */
export const ops = {
  add,
  cachedAttention,
  causalAttention,
  chooseExperts,
  embedding,
  gather,
  groupedLinear,
  limitGroups,
  linear,
  mul,
  normalizeRows,
  reshape,
  rmsNorm,
  rope,
  scale,
  sigmoid,
  silu,
  swiglu,
  takeRows,
  topK,
  weightedSum,
} as const;

export type OpName = keyof typeof ops;

/** The facts of an op by its name, erased of its attribute type: compiler passes only hand attributes back. */
export function factsOf(name: string): OpFacts {
  return ops[name as OpName].facts as unknown as OpFacts;
}
