// dots.llm1, top to bottom: attention, router, experts, block, model. Source: arXiv:2506.05767.
//
// T tokens in this step, O rows whose logits are wanted, D model width, N query heads, G key/value heads, H head width,
// F feed-forward width, E experts, K experts for each token, R routed rows (T·K), V vocabulary.

import { symbol } from '../graph/dim.ts';
import { add } from '../graph/ops/add.ts';
import { embedding } from '../graph/ops/embedding.ts';
import { gather } from '../graph/ops/gather.ts';
import { groupedLinear } from '../graph/ops/grouped-linear.ts';
import { limitGroups } from '../graph/ops/limit-groups.ts';
import { linear } from '../graph/ops/linear.ts';
import { mul } from '../graph/ops/mul.ts';
import { normalizeRows } from '../graph/ops/normalize-rows.ts';
import { reshape } from '../graph/ops/reshape.ts';
import { rmsNorm } from '../graph/ops/rms-norm.ts';
import { rope } from '../graph/ops/rope.ts';
import { scale } from '../graph/ops/scale.ts';
import { sigmoid } from '../graph/ops/sigmoid.ts';
import { silu } from '../graph/ops/silu.ts';
import { takeRows } from '../graph/ops/take-rows.ts';
import { topK } from '../graph/ops/top-k.ts';
import { weightedSum } from '../graph/ops/weighted-sum.ts';
import type { GraphBuilder, Tensor } from '../graph/tensor.ts';
import type { Dots1Config } from './config.ts';
import { weightSpecs } from './weights.ts';

/** The flat token axis. A batch is a table of which token belongs to whom, and that table is the step's business. */
export const T = symbol('T');
/** Rows of which the caller wants logits. */
export const O = symbol('O');

/**
 * What surrounds the model. The trainer gives plain causal attention, the engine attention over its cache; the model
 * does not know the difference.
 */
export interface Step {
  readonly tokens_T: Tensor;
  readonly positions_T: Tensor;
  readonly outputRows_O: Tensor;
  attend(layer: number, q_TNH: Tensor, k_TGH: Tensor, v_TGH: Tensor): Tensor;
  /** Told which experts each token goes to, best first, and every expert's score, in every layer that has experts. */
  onRouted?(layer: number, experts_TK: Tensor, scores_TE: Tensor): void;
}

type Weights = (name: string) => Tensor;

/** Keys and queries are normalised head by head before they are rotated (QK-norm); values are left alone. */
function attention(x_TD: Tensor, layer: number, w: Weights, step: Step, c: Dots1Config): Tensor {
  const heads = (y: Tensor, count: number): Tensor => reshape(y, [T, count, c.headSize]);
  const q_TNH = rmsNorm(heads(linear(x_TD, w('query')), c.numHeads), w('queryNorm'), { eps: c.normEps });
  const k_TGH = rmsNorm(heads(linear(x_TD, w('key')), c.numKeyValueHeads), w('keyNorm'), { eps: c.normEps });
  const v_TGH = heads(linear(x_TD, w('value')), c.numKeyValueHeads);
  const turned = { theta: c.ropeTheta };
  const o_TNH = step.attend(
    layer,
    rope(q_TNH, step.positions_T, turned),
    rope(k_TGH, step.positions_T, turned),
    v_TGH,
  );
  return linear(reshape(o_TNH, [T, c.numHeads * c.headSize]), w('attentionOutput'));
}

function feedForward(x_TD: Tensor, w: Weights, prefix = ''): Tensor {
  const hidden_TF = mul(silu(linear(x_TD, w(`${prefix}gate`))), linear(x_TD, w(`${prefix}up`)));
  return linear(hidden_TF, w(`${prefix}down`));
}

interface Routed {
  readonly scores_TE: Tensor;
  readonly experts_TK: Tensor;
  readonly weights_TK: Tensor;
}

/** In f32 throughout, whatever the other weights are (report §2). */
function router(x_TD: Tensor, w: Weights, c: Dots1Config): Routed {
  const scores_TE = sigmoid(linear(x_TD, w('router')));
  // The bias decides which experts are chosen, never how much they count: weights come from the unbiased scores.
  let choice_TE = add(scores_TE, w('routerBias'));
  if (c.numGroups > 1)
    choice_TE = limitGroups(choice_TE, { numGroups: c.numGroups, numKept: c.numKeptGroups });
  const experts_TK = topK(choice_TE, { k: c.numExpertsPerToken });
  let weights_TK = gather(scores_TE, experts_TK);
  if (c.normalizeTopK) weights_TK = normalizeRows(weights_TK, { eps: 1e-20 });
  return { scores_TE, experts_TK, weights_TK: scale(weights_TK, { factor: c.routedScalingFactor }) };
}

function mixtureOfExperts(x_TD: Tensor, layer: number, w: Weights, step: Step, c: Dots1Config): Tensor {
  const { scores_TE, experts_TK, weights_TK } = router(x_TD, w, c);
  step.onRouted?.(layer, experts_TK, scores_TE);
  const gate_RF = groupedLinear(x_TD, w('experts.gate'), experts_TK);
  const up_RF = groupedLinear(x_TD, w('experts.up'), experts_TK);
  const y_RD = groupedLinear(mul(silu(gate_RF), up_RF), w('experts.down'), experts_TK);
  const routed_TD = weightedSum(y_RD, weights_TK);
  // The shared experts see every token; their output is neither gated nor scaled.
  return c.numSharedExperts > 0 ? add(routed_TD, feedForward(x_TD, w, 'shared.')) : routed_TD;
}

function block(h_TD: Tensor, layer: number, w: Weights, step: Step, c: Dots1Config): Tensor {
  const attended_TD = attention(rmsNorm(h_TD, w('attentionNorm'), { eps: c.normEps }), layer, w, step, c);
  const middle_TD = add(h_TD, attended_TD);
  const normed_TD = rmsNorm(middle_TD, w('ffnNorm'), { eps: c.normEps });
  const isDense = layer < c.numDenseLayers;
  return add(middle_TD, isDense ? feedForward(normed_TD, w) : mixtureOfExperts(normed_TD, layer, w, step, c));
}

/** tokens_T -> logits_OV. */
export function dots1(graph: GraphBuilder, c: Dots1Config, step: Step): Tensor {
  const shapes = new Map(weightSpecs(c).map((spec) => [spec.name, spec.shape]));
  const weight = (name: string): Tensor => graph.weight(name, shapes.get(name) as readonly number[]);

  let h_TD = embedding(weight('tokenEmbedding'), step.tokens_T);
  for (let layer = 0; layer < c.numLayers; layer++) {
    h_TD = block(h_TD, layer, (name) => weight(`layers.${layer}.${name}`), step, c);
  }
  const last_OD = rmsNorm(takeRows(h_TD, step.outputRows_O), weight('outputNorm'), { eps: c.normEps });
  return linear(last_OD, weight(c.tiedEmbeddings ? 'tokenEmbedding' : 'output'));
}
