import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { schedule } from '../../src/compile/schedule.ts';
import { verifyGraph } from '../../src/compile/verify.ts';
import { add } from '../../src/graph/ops/add.ts';
import { linear } from '../../src/graph/ops/linear.ts';
import { scale } from '../../src/graph/ops/scale.ts';
import { silu } from '../../src/graph/ops/silu.ts';
import { type Graph, type GraphBuilder, type Tensor, trace } from '../../src/graph/tensor.ts';

const opsOf = (graph: Graph): string[] =>
  schedule(graph).nodes.flatMap(({ op, inputs }) => (inputs.length > 0 ? [op] : []));
const weight = (g: GraphBuilder, name = 'w'): Tensor => g.weight(name, [8, 8]);

describe('schedule()', () => {
  it('puts products that do not depend on each other next to each other', () => {
    const graph = trace((g) => {
      const x = g.input('x', [4, 8], 'f32');
      const gate = silu(linear(x, weight(g, 'gate')));
      const up = scale(linear(x, weight(g, 'up')), { factor: 2 });
      return { out: add(gate, up) };
    });
    expect(opsOf(graph)).toEqual(['linear', 'linear', 'silu', 'scale', 'add']);
  });

  it('a product waits for everything that can be computed without one', () => {
    const graph = trace((g) => {
      const x = g.input('x', [4, 8], 'f32');
      const first = linear(x, weight(g));
      const second = linear(scale(x, { factor: 2 }), weight(g));
      return { out: add(first, second) };
    });
    expect(opsOf(graph)).toEqual(['scale', 'linear', 'linear', 'add']);
  });

  it('a product that reads a product comes after it', () => {
    const graph = trace((g) => {
      const x = g.input('x', [4, 8], 'f32');
      const deep = linear(silu(linear(x, weight(g))), weight(g));
      return { out: add(deep, linear(x, weight(g, 'v'))) };
    });
    expect(opsOf(graph)).toEqual(['linear', 'linear', 'silu', 'linear', 'add']);
  });

  it('any graph keeps all its nodes, each after its inputs, and no two products apart that could be adjacent', () => {
    const step = fc.record({ op: fc.constantFrom('add', 'scale', 'linear'), a: fc.nat(), b: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const graph = trace((g) => {
          const made = [g.input('x', [4, 8], 'f32')];
          for (const { op, a, b } of steps) {
            const [left, right] = [made[a % made.length], made[b % made.length]];
            if (op === 'add') made.push(add(left, right));
            else made.push(op === 'scale' ? scale(left, { factor: 2 }) : linear(left, weight(g)));
          }
          return { out: made[made.length - 1] };
        });
        const scheduled = schedule(graph);
        verifyGraph(scheduled, 'schedule');
        expect(new Set(scheduled.nodes)).toEqual(new Set(graph.nodes));
        // After a row of products comes a node that needs one of them: otherwise it could have come before.
        scheduled.nodes.forEach((node, i) => {
          const before = scheduled.nodes[i - 1];
          if (before?.op !== 'linear' || node.op === 'linear') return;
          const row = scheduled.nodes.slice(0, i);
          const start = row.findLastIndex(({ op }) => op !== 'linear') + 1;
          expect(node.inputs.some((input) => row.indexOf(input) >= start)).toBe(true);
        });
      }),
    );
  });
});
