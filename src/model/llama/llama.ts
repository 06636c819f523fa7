// Llama: grouped heads, dense networks, and since version 3 a rotation that is stretched beyond the length of its training.
// Source: arXiv:2407.21783.

import { formatCount } from '../../core/units.ts';
import { rope } from '../../graph/ops/rope.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { Architecture, Step, WeightSpec, Weights } from '../architecture.ts';
import { attention, describeHeads, pairedAttentionWeights, type Rotate } from '../blocks/attention.ts';
import { decoder, decoderWeights, preNormLayer, preNormWeights } from '../blocks/decoder.ts';
import { feedForward, feedForwardWeights } from '../blocks/feed-forward.ts';
import { findProblems, type LlamaConfig, readGguf, readHf, readRun, writeGguf, writeHf } from './config.ts';
import { ropeFactors } from './rope-scaling.ts';

export const llama: Architecture<LlamaConfig> = {
  name: 'llama',
  hfModelType: 'llama',
  hfClass: 'LlamaForCausalLM',
  title: 'Llama',
  readGguf,
  readHf,
  readRun,
  writeGguf,
  writeHf,
  findProblems,
  llamaCppProblems: () => [],
  weightSpecs: (c) => [
    ...decoderWeights(c, () =>
      preNormWeights(c, pairedAttentionWeights(c), feedForwardWeights(c.hiddenSize, c.denseSize)),
    ),
    ...(c.ropeScaling ? [factorsSpec(c)] : []),
  ],
  hidden(w, c, step) {
    const rotate = rotation(w, c, step);
    return decoder(w, c, step, (h_TD, layer, layerWeights) =>
      preNormLayer(
        h_TD,
        layerWeights,
        c,
        (x_TD) => attention(x_TD, layer, layerWeights, step, c, rotate),
        (x_TD) => feedForward(x_TD, layerWeights),
      ),
    );
  },
  describe: (c) => [
    ['attention', describeHeads(c)],
    ['feed-forward', `dense, width ${formatCount(c.denseSize)}`],
  ],
};

function factorsSpec({ ropeScaling, ropeTheta, headSize }: LlamaConfig): WeightSpec {
  return {
    name: 'ropeFactors',
    shape: [headSize / 2],
    gguf: 'rope_freqs.weight',
    trainedBy: 'nothing',
    ...(typeof ropeScaling === 'object' && {
      fallback: () => ropeFactors(ropeScaling, ropeTheta, headSize),
    }),
  };
}

function rotation(w: Weights, c: LlamaConfig, step: Step): Rotate {
  const attributes = { theta: c.ropeTheta, ...(c.hasGgufRows && { interleaved: true }) };
  if (!c.ropeScaling) return (x: Tensor) => rope(x, step.positions_T, attributes);
  const factors_P = w('ropeFactors');
  return (x: Tensor) => rope(x, step.positions_T, factors_P, attributes);
}
