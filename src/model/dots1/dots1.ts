// dots.llm1, top to bottom: weights, block, model. Source: arXiv:2506.05767.
//
// T tokens in this step, O rows whose logits are requested, D model width, N query heads, G key/value heads, H head width,
// F feed-forward width, E experts, K experts for each token, R routed rows (T·K), V vocabulary.

import { formatCount } from '../../core/units.ts';
import { add } from '../../graph/ops/add.ts';
import { rope } from '../../graph/ops/rope.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { Architecture, Step, WeightSpec, Weights } from '../architecture.ts';
import { describeHeads, normedAttention, normedAttentionWeights } from '../blocks/attention.ts';
import {
  decoder,
  decoderWeights,
  type LayerWeight,
  preNormLayer,
  preNormWeights,
} from '../blocks/decoder.ts';
import { experts, expertWeights } from '../blocks/experts.ts';
import { feedForward, feedForwardWeights } from '../blocks/feed-forward.ts';
import { sigmoidRouter, sigmoidRouterWeights } from '../blocks/router.ts';
import {
  type Dots1Config,
  findProblems,
  llamaCppProblems,
  readGguf,
  readHf,
  readRun,
  writeGguf,
  writeHf,
} from './config.ts';

export const dots1: Architecture<Dots1Config> = {
  name: 'dots1',
  hfModelType: 'dots1',
  hfClass: 'Dots1ForCausalLM',
  title: 'dots.llm1',
  repeatsTiedOutput: true,
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

function weightSpecs(c: Dots1Config): WeightSpec[] {
  const { hiddenSize: D, expertSize: F, numExperts: E } = c;
  return decoderWeights(c, (layer) =>
    preNormWeights(
      c,
      normedAttentionWeights(c),
      layer < c.numDenseLayers
        ? feedForwardWeights(D, c.denseSize)
        : [...sigmoidRouterWeights(D, E), ...expertWeights(c), ...sharedWeights(D, F * c.numSharedExperts)],
    ),
  );
}

/** The shared experts are one fused network, not several. */
function sharedWeights(D: number, F: number): LayerWeight[] {
  if (F === 0) return [];
  return feedForwardWeights(D, F).map((spec) => ({
    ...spec,
    name: `shared.${spec.name}`,
    gguf: spec.gguf.replace('.weight', '_shexp.weight'),
    hf: spec.hf.replace('mlp.', 'mlp.shared_experts.'),
  }));
}

function block(h_TD: Tensor, layer: number, w: Weights, step: Step, c: Dots1Config): Tensor {
  const rotate = (x: Tensor): Tensor => rope(x, step.positions_T, { theta: c.ropeTheta });
  return preNormLayer(
    h_TD,
    w,
    c,
    (x_TD) => normedAttention(x_TD, layer, w, step, c, rotate),
    (x_TD) => (layer < c.numDenseLayers ? feedForward(x_TD, w) : mixtureOfExperts(x_TD, layer, w, step, c)),
  );
}

function mixtureOfExperts(x_TD: Tensor, layer: number, w: Weights, step: Step, c: Dots1Config): Tensor {
  const routed = sigmoidRouter(x_TD, w, c);
  step.onRouted?.(layer, routed.experts_TK, routed.scores_TE);
  const routed_TD = experts(x_TD, routed, w);
  if (c.numSharedExperts === 0) return routed_TD;
  // The shared experts see every token; their output is neither gated nor scaled.
  return add(
    routed_TD,
    feedForward(x_TD, (name) => w(`shared.${name}`)),
  );
}

function describeExperts(c: Dots1Config): string {
  if (c.numDenseLayers >= c.numLayers) return 'none: every layer is dense';
  const groups = c.numGroups > 1 ? `, from ${c.numKeptGroups} of ${c.numGroups} groups` : '';
  const dense = c.numDenseLayers === 0 ? 'no dense layer' : `first ${c.numDenseLayers} dense`;
  return (
    `${c.numExpertsPerToken} of ${c.numExperts}${groups} and ${c.numSharedExperts} shared, ` +
    `width ${formatCount(c.expertSize)}; ${dense}`
  );
}
