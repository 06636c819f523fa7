import { add } from '../../graph/ops/add.ts';
import { gather } from '../../graph/ops/gather.ts';
import { limitGroups } from '../../graph/ops/limit-groups.ts';
import { linear } from '../../graph/ops/linear.ts';
import { normalizeRows } from '../../graph/ops/normalize-rows.ts';
import { scale } from '../../graph/ops/scale.ts';
import { sigmoid } from '../../graph/ops/sigmoid.ts';
import { softmax } from '../../graph/ops/softmax.ts';
import { topK } from '../../graph/ops/top-k.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { Weights } from '../architecture.ts';
import type { LayerWeight } from './decoder.ts';

/** Where a router sends tokens. Routers compute in f32 throughout, whatever type the other weights have. */
export interface Routed {
  readonly scores_TE: Tensor;
  /** Best first. */
  readonly experts_TK: Tensor;
  /** What each expert's output counts. */
  readonly weights_TK: Tensor;
}

export interface SigmoidRouterConfig {
  readonly numExpertsPerToken: number;
  /** Experts come in groups; a token's are taken from the best `numKeptGroups` of them. */
  readonly numGroups: number;
  readonly numKeptGroups: number;
  readonly normalizeTopK: boolean;
  readonly routedScalingFactor: number;
}

/** Sigmoid scores, and a bias that balances loads. Source: arXiv:2408.15664, arXiv:2506.05767 §2. */
export function sigmoidRouter(x_TD: Tensor, w: Weights, c: SigmoidRouterConfig): Routed {
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

export function sigmoidRouterWeights(D: number, E: number): LayerWeight[] {
  return [
    ...routerWeights(D, E),
    {
      name: 'routerBias',
      shape: [E],
      gguf: 'exp_probs_b.bias',
      hf: 'mlp.gate.e_score_correction_bias',
      isRouter: true,
      trainedBy: 'balancing',
      fallback: () => new Float32Array(E),
    },
  ];
}

export interface SoftmaxRouterConfig {
  readonly numExpertsPerToken: number;
  readonly normalizeTopK: boolean;
}

/** Shares of a softmax over all experts, of which a token uses the largest. Source: arXiv:2505.09388. */
export function softmaxRouter(x_TD: Tensor, w: Weights, c: SoftmaxRouterConfig): Routed {
  const scores_TE = softmax(linear(x_TD, w('router')));
  const experts_TK = topK(scores_TE, { k: c.numExpertsPerToken });
  const weights_TK = gather(scores_TE, experts_TK);
  if (!c.normalizeTopK) return { scores_TE, experts_TK, weights_TK };
  return { scores_TE, experts_TK, weights_TK: normalizeRows(weights_TK, { eps: 1e-20 }) };
}

export function routerWeights(D: number, E: number): LayerWeight[] {
  // `mlp.gate` is the router; `mlp.gate_proj` is the gate of a dense layer.
  return [
    { name: 'router', shape: [E, D], gguf: 'ffn_gate_inp.weight', hf: 'mlp.gate.weight', isRouter: true },
  ];
}
