import { causalAttentionGradKey } from '../../../src/graph/ops/causal-attention-grad-key.ts';
import type { GraphBuilder, Tensor } from '../../../src/graph/tensor.ts';
import { attentionGradientCases } from '../attention-gradient-cases.ts';
import type { OpSuite } from '../op-case.ts';

interface Shapes {
  readonly gradient?: number[];
  readonly q?: number[];
  readonly k?: number[];
  readonly sequences?: number[];
}

function attempt(g: GraphBuilder, shapes: Shapes): Tensor {
  const { gradient = [3, 4, 8], q = [3, 4, 8], k = [3, 2, 8], sequences = [3] } = shapes;
  return causalAttentionGradKey(
    g.weight('gradient', gradient),
    g.weight('q', q),
    g.weight('k', k),
    g.weight('v', [3, 2, 8]),
    g.input('sequences', sequences),
  );
}

export const suite: OpSuite = {
  cases: attentionGradientCases('k', causalAttentionGradKey),
  refuses: {
    'a gradient of another shape than the queries': (g) => attempt(g, { gradient: [3, 2, 8] }),
    'rows without heads': (g) => attempt(g, { q: [3, 32], gradient: [3, 32] }),
    'heads that cannot share keys equally': (g) => attempt(g, { q: [3, 3, 8], gradient: [3, 3, 8] }),
    'keys of another width': (g) => attempt(g, { k: [3, 2, 4] }),
    'a token without a sequence': (g) => attempt(g, { sequences: [2] }),
  },
};
