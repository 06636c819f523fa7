import { describe, expect, it } from 'vitest';
import { InternalError, ShapeError } from '../../src/core/errors.ts';
import { gradients } from '../../src/graph/autograd.ts';
import { add } from '../../src/graph/ops/add.ts';
import { gather } from '../../src/graph/ops/gather.ts';
import { limitGroups } from '../../src/graph/ops/limit-groups.ts';
import { linear } from '../../src/graph/ops/linear.ts';
import { mul } from '../../src/graph/ops/mul.ts';
import { reshape } from '../../src/graph/ops/reshape.ts';
import { scale } from '../../src/graph/ops/scale.ts';
import { topK } from '../../src/graph/ops/top-k.ts';
import { type GraphBuilder, type Tensor, trace } from '../../src/graph/tensor.ts';
import { evaluateF64 } from './evaluate-f64.ts';

/** Sum of all elements of a tensor with n of them. */
function sum(x: Tensor, n: number): Tensor {
  const ones = x.graph.weight('ones', [1, n]);
  return reshape(linear(reshape(x, [1, n]), ones), [1]);
}

/** Gradients as numbers. */
function run(
  sources: Readonly<Record<string, readonly number[]>>,
  build: (graph: GraphBuilder) => { loss: Tensor; wrt: Tensor[] },
): number[][] {
  let found: Tensor[] = [];
  trace((graph) => {
    const { loss, wrt } = build(graph);
    found = gradients(loss, wrt);
    return { loss };
  });
  const values = Object.entries(sources).map(([name, data]) => [name, Float64Array.from(data)] as const);
  return evaluateF64(found, new Map(values), {}).map((gradient) => Array.from(gradient));
}

const ONES = { ones: [1, 1, 1] };

describe('gradients()', () => {
  it('what several readers of a tensor report is added up', () => {
    const [dx] = run({ x: [1, 2, 3], ...ONES }, (g) => {
      const x = g.weight('x', [1, 3]);
      // x² + 2x + x
      return { loss: sum(add(add(mul(x, x), scale(x, { factor: 2 })), x), 3), wrt: [x] };
    });
    expect(dx).toEqual([5, 7, 9]);
  });

  it('a tensor in the middle has one too, and so has what it was made from', () => {
    const [dx, dy, dloss] = run({ x: [1, 2, 3], ...ONES }, (g) => {
      const x = g.weight('x', [1, 3]);
      const y = scale(x, { factor: 3 });
      const loss = sum(mul(y, y), 3);
      return { loss, wrt: [x, y, loss] };
    });
    expect(dy).toEqual([6, 12, 18]);
    expect(dx).toEqual([18, 36, 54]);
    expect(dloss).toEqual([1]);
  });

  it('a choice passes nothing on, what was chosen does', () => {
    const [dscores] = run({ scores: [0.1, 0.7, 0.2], bias: [0, 0, 1], ones: [1, 1] }, (g) => {
      const scores = g.weight('scores', [1, 3]);
      const chosen = topK(limitGroups(add(scores, g.weight('bias', [3])), { numGroups: 1, numKept: 1 }), {
        k: 2,
      });
      return { loss: sum(gather(scores, chosen), 2), wrt: [scores] };
    });
    expect(dscores).toEqual([0, 1, 1]);
  });

  it('refuses a loss that is not a single number', () => {
    trace((g) => {
      const x = g.weight('x', [1, 3]);
      expect(() => gradients(x, [x])).toThrow(ShapeError);
      return { x };
    });
  });

  it('refuses to leave out a way through an op without a rule', () => {
    trace((g) => {
      const x = g.weight('x', [1, 3]);
      const loss = sum(limitGroups(x, { numGroups: 3, numKept: 2 }), 3);
      expect(() => gradients(loss, [x])).toThrow(InternalError);
      expect(() => gradients(loss, [x])).toThrow('cannot differentiate limitGroups');
      // No way to this one leads through it.
      expect(gradients(loss, [g.weight('ones', [1, 3])])).toHaveLength(1);
      return { loss };
    });
  });

  it('names a tensor that the loss does not depend on, rather than give zeros', () => {
    trace((g) => {
      const loss = sum(g.weight('x', [1, 3]), 3);
      expect(() => gradients(loss, [g.weight('unused', [4])])).toThrow(
        'no gradient of the loss reaches unused',
      );
      return { loss };
    });
  });
});
