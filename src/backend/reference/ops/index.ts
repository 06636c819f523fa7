import type { OpName } from '../../../graph/ops/index.ts';
import type { Kernel } from '../kernel.ts';
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
import { rmsNorm } from './rms-norm.ts';
import { rope } from './rope.ts';
import { scale } from './scale.ts';
import { sigmoid } from './sigmoid.ts';
import { silu } from './silu.ts';
import { swiglu } from './swiglu.ts';
import { takeRows } from './take-rows.ts';
import { topK } from './top-k.ts';
import { weightedSum } from './weighted-sum.ts';

/** A kernel for every op; `reshape` needs none, since an alias is the same memory. */
export const kernels: Readonly<Record<Exclude<OpName, 'reshape'>, Kernel>> = {
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
  rmsNorm,
  rope,
  scale,
  sigmoid,
  silu,
  swiglu,
  takeRows,
  topK,
  weightedSum,
};
