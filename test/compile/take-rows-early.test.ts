import { describe, expect, it } from 'vitest';
import { takeRowsEarly } from '../../src/compile/take-rows-early.ts';
import { verifyGraph } from '../../src/compile/verify.ts';
import { formatShape, symbol } from '../../src/graph/dim.ts';
import { add } from '../../src/graph/ops/add.ts';
import { linear } from '../../src/graph/ops/linear.ts';
import { reshape } from '../../src/graph/ops/reshape.ts';
import { rmsNorm } from '../../src/graph/ops/rms-norm.ts';
import { silu } from '../../src/graph/ops/silu.ts';
import { sumRows } from '../../src/graph/ops/sum-rows.ts';
import { takeRows } from '../../src/graph/ops/take-rows.ts';
import { type GraphBuilder, type Tensor, trace } from '../../src/graph/tensor.ts';

const T = symbol('T');
const O = symbol('O');

/** The graph after the pass, one op for each line: `linear[O,8]`. */
function opsAfter(build: (g: GraphBuilder, x: Tensor, rows: Tensor) => Record<string, Tensor>): string[] {
  const graph = takeRowsEarly(trace((g) => build(g, g.input('x', [T, 8], 'f32'), g.input('rows', [O]))));
  verifyGraph(graph, 'takeRowsEarly');
  return graph.nodes.flatMap(({ op, inputs, shape }) =>
    inputs.length > 0 ? [`${op}${formatShape(shape)}`] : [],
  );
}
const weight = (g: GraphBuilder, name: string): Tensor => g.weight(name, [8, 8]);

describe('takeRowsEarly()', () => {
  it('what works row by row is done for the rows that are taken', () => {
    const ops = opsAfter((g, x, rows) => ({
      out: takeRows(silu(rmsNorm(linear(x, weight(g, 'w')), g.weight('norm', [8]), { eps: 1e-5 })), rows),
    }));
    expect(ops).toEqual(['takeRows[O,8]', 'linear[O,8]', 'rmsNorm[O,8]', 'silu[O,8]']);
  });

  it('two inputs from outside are taken once each, and a row list that was made later is found', () => {
    const ops = opsAfter((g, x, rows) => {
      const y = g.input('y', [T, 8], 'f32');
      return { out: takeRows(add(add(x, y), linear(x, weight(g, 'w'))), rows) };
    });
    expect(ops).toEqual(['takeRows[O,8]', 'takeRows[O,8]', 'add[O,8]', 'linear[O,8]', 'add[O,8]']);
  });

  it('what somebody else reads for every row stays, and what comes after it is taken', () => {
    const ops = opsAfter((g, x, rows) => {
      const all = linear(x, weight(g, 'w'));
      return { sum: sumRows(all), out: takeRows(silu(all), rows) };
    });
    expect(ops).toEqual(['linear[T,8]', 'sumRows[8]', 'takeRows[O,8]', 'silu[O,8]']);
  });

  it('an output keeps all its rows', () => {
    const ops = opsAfter((g, x, rows) => {
      const all = linear(x, weight(g, 'w'));
      return { all, out: takeRows(silu(all), rows) };
    });
    expect(ops).toEqual(['linear[T,8]', 'takeRows[O,8]', 'silu[O,8]']);
  });

  it('several choices of the same rows count as one', () => {
    const ops = opsAfter((g, x, rows) => {
      const inner = linear(x, weight(g, 'w'));
      return { inner: takeRows(inner, rows), out: takeRows(silu(inner), rows) };
    });
    expect(ops).toEqual(['takeRows[O,8]', 'linear[O,8]', 'silu[O,8]']);
  });

  it('nothing moves past an op that mixes rows', () => {
    const ops = opsAfter((g, x, rows) => {
      const flat = reshape(linear(x, weight(g, 'w')), [T, 8]);
      return { out: takeRows(flat, rows) };
    });
    expect(ops).toEqual(['linear[T,8]', 'reshape[T,8]', 'takeRows[O,8]']);
  });

  it('a graph without a choice of rows stays as it is', () => {
    expect(opsAfter((g, x) => ({ out: linear(x, weight(g, 'w')) }))).toEqual(['linear[T,8]']);
  });
});
