import { describe, expect, it } from 'vitest';
import { compile } from '../../src/compile/compile.ts';
import { accumulate } from '../../src/graph/ops/accumulate.ts';
import { add } from '../../src/graph/ops/add.ts';
import { limitGroups } from '../../src/graph/ops/limit-groups.ts';
import { linear } from '../../src/graph/ops/linear.ts';
import { linearGradWeight } from '../../src/graph/ops/linear-grad-weight.ts';
import { mul } from '../../src/graph/ops/mul.ts';
import { sigmoid } from '../../src/graph/ops/sigmoid.ts';
import { silu } from '../../src/graph/ops/silu.ts';
import { topK } from '../../src/graph/ops/top-k.ts';
import { type GraphBuilder, type Tensor, trace } from '../../src/graph/tensor.ts';

const opsOf = (
  build: (g: GraphBuilder) => Record<string, Tensor>,
  supports = (_op: string) => true,
): string[] => compile(trace(build), { name: 'test', supports }).instructions.map(({ op }) => op);

describe('fuse()', () => {
  const gateUp = (g: GraphBuilder): [Tensor, Tensor] => [
    linear(g.weight('x', [2, 4]), g.weight('gate', [8, 4])),
    linear(g.weight('x', [2, 4]), g.weight('up', [8, 4])),
  ];

  it('mul(silu(gate), up) becomes swiglu', () => {
    const build = (g: GraphBuilder) => {
      const [gate, up] = gateUp(g);
      return { out: mul(silu(gate), up) };
    };
    expect(opsOf(build)).toEqual(['linear', 'linear', 'swiglu']);
    expect(opsOf(build, (op) => op !== 'swiglu')).toEqual(['linear', 'linear', 'silu', 'mul']);
  });

  it('a silu that somebody else reads too is left alone', () => {
    const build = (g: GraphBuilder) => {
      const [gate, up] = gateUp(g);
      const activated = silu(gate);
      return { out: mul(activated, up), activated };
    };
    expect(opsOf(build)).toEqual(['linear', 'linear', 'silu', 'mul']);
  });

  it('the choice of experts becomes one op, with and without groups', () => {
    const build = (groups: boolean) => (g: GraphBuilder) => {
      const scores = sigmoid(linear(g.weight('x', [2, 4]), g.weight('router', [8, 4])));
      const biased = add(scores, g.weight('bias', [8]));
      return { experts: topK(groups ? limitGroups(biased, { numGroups: 4, numKept: 2 }) : biased, { k: 2 }) };
    };
    expect(opsOf(build(false))).toEqual(['linear', 'sigmoid', 'chooseExperts']);
    expect(opsOf(build(true))).toEqual(['linear', 'sigmoid', 'chooseExperts']);
  });

  it('a gradient that is only added to a state is added where it is computed', () => {
    const build = (g: GraphBuilder) => {
      const gradient = g.input('gradient', [3, 4], 'f32');
      const x = g.input('x', [3, 5], 'f32');
      const matrix = linearGradWeight(gradient, x);
      return { done: accumulate(g.state('sum', [4, 5]), matrix) };
    };
    expect(opsOf(build)).toEqual(['accumulateLinear']);
    expect(opsOf(build, (op) => op !== 'accumulateLinear')).toEqual(['linearGradWeight', 'accumulate']);
  });
});
