// Qwen3 with experts: grouped heads with QK-norm, a softmax router, no shared experts. Source: arXiv:2505.09388.

import { formatCount } from '../../core/units.ts';
import { rope } from '../../graph/ops/rope.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { Architecture, Step, WeightSpec, Weights } from '../architecture.ts';
import { describeHeads, normedAttention, normedAttentionWeights } from '../blocks/attention.ts';
import { decoder, decoderWeights, preNormLayer, preNormWeights } from '../blocks/decoder.ts';
import { experts, expertWeights } from '../blocks/experts.ts';
import { feedForward, feedForwardWeights } from '../blocks/feed-forward.ts';
import { routerWeights, softmaxRouter } from '../blocks/router.ts';
import {
  findProblems,
  llamaCppProblems,
  type Qwen3MoeConfig,
  readGguf,
  readHf,
  readRun,
  writeGguf,
  writeHf,
} from './config.ts';

export const qwen3moe: Architecture<Qwen3MoeConfig> = {
  name: 'qwen3moe',
  hfModelType: 'qwen3_moe',
  hfClass: 'Qwen3MoeForCausalLM',
  title: 'Qwen3 MoE',
  readGguf,
  readHf,
  readRun,
  writeGguf,
  writeHf,
  findProblems,
  llamaCppProblems,
  weightSpecs,
  hidden: (w, c, step) =>
    decoder(w, c, step, (h_TD, layer, layerWeights) => block(h_TD, layer, layerWeights, step, c)),
  describe: (c) => [
    ['attention', describeHeads(c)],
    ['experts', describeExperts(c)],
  ],
};

function weightSpecs(c: Qwen3MoeConfig): WeightSpec[] {
  const { hiddenSize: D, numExperts: E } = c;
  return decoderWeights(c, (layer) =>
    preNormWeights(
      c,
      normedAttentionWeights(c),
      c.denseLayers.includes(layer)
        ? feedForwardWeights(D, c.denseSize)
        : [...routerWeights(D, E), ...expertWeights(c)],
    ),
  );
}

function block(h_TD: Tensor, layer: number, w: Weights, step: Step, c: Qwen3MoeConfig): Tensor {
  const rotate = (x: Tensor): Tensor => rope(x, step.positions_T, { theta: c.ropeTheta });
  return preNormLayer(
    h_TD,
    w,
    c,
    (x_TD) => normedAttention(x_TD, layer, w, step, c, rotate),
    (x_TD) =>
      c.denseLayers.includes(layer) ? feedForward(x_TD, w) : mixtureOfExperts(x_TD, layer, w, step, c),
  );
}

function mixtureOfExperts(x_TD: Tensor, layer: number, w: Weights, step: Step, c: Qwen3MoeConfig): Tensor {
  const routed = softmaxRouter(x_TD, w, c);
  step.onRouted?.(layer, routed.experts_TK, routed.scores_TE);
  return experts(x_TD, routed, w);
}

function describeExperts(c: Qwen3MoeConfig): string {
  const dense = c.denseLayers.length === 0 ? 'no dense layer' : `${c.denseLayers.length} layers dense`;
  return `${c.numExpertsPerToken} of ${formatCount(c.numExperts)}, width ${formatCount(c.expertSize)}; ${dense}`;
}
