import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import { compile } from '../../src/compile/compile.ts';
import { planMemory } from '../../src/compile/plan-memory.ts';
import type { Instruction, Program, Value } from '../../src/compile/program.ts';
import { verifyGraph, verifyProgram } from '../../src/compile/verify.ts';
import { storageTypeByName } from '../../src/dtype/index.ts';
import { symbol } from '../../src/graph/dim.ts';
import { accumulate } from '../../src/graph/ops/accumulate.ts';
import { add } from '../../src/graph/ops/add.ts';
import { linear } from '../../src/graph/ops/linear.ts';
import { reshape } from '../../src/graph/ops/reshape.ts';
import { scale } from '../../src/graph/ops/scale.ts';
import { silu } from '../../src/graph/ops/silu.ts';
import { type Graph, type Tensor, trace } from '../../src/graph/tensor.ts';

const T = symbol('T');

/** x and gate are computed from x; gate is read again after x's slot was taken over; flat is another shape of gate. */
const graph = trace((g) => {
  const x = linear(g.input('x', [T, 8], 'f32'), g.weight('w', [8, 8]));
  const gate = linear(x, g.weight('gate', [8, 8]));
  const activated = silu(x);
  const flat = reshape(gate, [{ symbol: 'T', times: 8 }]);
  const done = accumulate(g.state('sum', [T, 8]), activated);
  return { out: add(flat, reshape(activated, [{ symbol: 'T', times: 8 }])), done };
});
const program = planMemory(graph, 'test');

const idOf = (op: string): number => graph.nodes.findIndex((node) => node.op === op);

/** The program with some values, by number, replaced. */
function withValues(changes: Readonly<Record<number, Partial<Value>>>): Program {
  return {
    ...program,
    values: program.values.map((value, id) => ({ ...value, ...changes[id] }) as Value),
  };
}

function withInstructions(change: (instructions: Instruction[]) => Instruction[]): Program {
  return { ...program, instructions: change([...program.instructions]) };
}

describe('verifyGraph()', () => {
  const [x, w] = graph.nodes;
  const { name: _, ...unnamed } = x;
  const edit = (op: string, change: Partial<Tensor>): Graph => ({
    ...graph,
    nodes: graph.nodes.map((node) => (node.op === op ? { ...node, ...change } : node)),
  });

  it('takes what was traced', () => verifyGraph(graph, 'trace'));

  it.each<[string, Graph, string]>([
    ['a node before its inputs', { ...graph, nodes: [...graph.nodes].reverse() }, 'before it is computed'],
    ['an input that is not in the graph', { ...graph, nodes: graph.nodes.slice(1) }, 'before it is computed'],
    ['an op there is not', edit('silu', { op: 'sillu' }), 'is not an op'],
    [
      "a number of inputs that is not the op's",
      edit('silu', { inputs: [x, w] }),
      'has 2 inputs instead of 1',
    ],
    ["a shape that is not the op's", edit('silu', { shape: [T, 9] }), 'should be f32[T,8]'],
    ["a type that is not the op's", edit('silu', { type: 'i32' }), 'should be f32[T,8]'],
    ['inputs that do not fit', edit('accumulate', { inputs: [x, x] }), 'the sum must be a state'],
    ['a source of no name', { ...graph, nodes: [unnamed, ...graph.nodes] }, 'has no name'],
    ['a source twice', { ...graph, nodes: [{ ...x }, ...graph.nodes] }, 'is there twice'],
    [
      'an output of another graph',
      { ...graph, outputs: { out: { ...x } } },
      'output out is not in the graph',
    ],
  ])('refuses %s', (_, broken, message) => {
    expect(() => verifyGraph(broken, 'fuse')).toThrow(message);
  });

  it('names the pass, and compile() asks before it begins', () => {
    const broken = edit('silu', { shape: [T, 9] });
    expect(() => verifyGraph(broken, 'fuse')).toThrow('internal: after fuse: ');
    expect(() => compile(broken, { name: 'test', supports: () => true })).toThrow('internal: after trace: ');
  });
});

describe('verifyProgram()', () => {
  it('takes what was planned', () => verifyProgram(graph, program));

  const [first, gate, activated] = [2, idOf('silu') - 1, idOf('silu')];
  const wide = program.slots.length;
  it.each<[string, Program, string]>([
    [
      'a value in a slot whose value is still needed',
      withValues({ [gate]: { slot: slotOf(first) } }),
      'writes over its input 0',
    ],
    [
      'a plan that gives all values one slot',
      withValues(
        Object.fromEntries(
          program.values.flatMap((value, id) => (value.kind === 'slot' ? [[id, { slot: 0 }]] : [])),
        ),
      ),
      'writes over its input 0',
    ],
    [
      'another shape of a value in a slot of its own',
      withValues({ [idOf('reshape')]: { slot: slotOf(first) } }),
      'shares a slot that holds something else',
    ],
    [
      'a slot that is too small',
      { ...program, slots: program.slots.map(() => [32]) },
      'does not fit into its slot',
    ],
    ['a slot there is not', withValues({ [activated]: { slot: wide } }), 'does not fit into its slot'],
    [
      "another shape than the node's",
      withValues({ [activated]: { shape: [T, 4] } }),
      'is f32[T,4] in the program',
    ],
    ['a source of another name', withValues({ 0: { name: 'y' } }), 'is a source in the program'],
    ['an instruction too few', withInstructions((all) => all.slice(1)), 'is not the next instruction'],
    ['an instruction too many', withInstructions((all) => [...all, all[0]]), 'instructions of no node'],
    ['another order', withInstructions(([a, b, ...rest]) => [b, a, ...rest]), 'is not the next instruction'],
    [
      'an instruction that reads something else',
      withInstructions((all) => all.map((one) => (one.op === 'silu' ? { ...one, inputs: [gate] } : one))),
      'does not find its input 0',
    ],
    [
      'an output that is another value',
      { ...program, outputs: { ...program.outputs, out: gate } },
      'output out',
    ],
    ['an output there is not', { ...program, outputs: {} }, 'output out'],
  ])('refuses %s', (_, broken, message) => {
    expect(() => verifyProgram(graph, broken)).toThrow(message);
  });

  it('a plan for a slot too early free is refused, whatever else is right', () => {
    // x dies where silu writes over it: a planner that frees it one node earlier gives its slot to gate.
    const tooEarly = withValues({ [gate]: { slot: slotOf(first) }, [activated]: { slot: slotOf(gate) } });
    expect(() => verifyProgram(graph, tooEarly)).toThrow('internal: after planMemory: ');
  });

  it('any plan that it takes computes what separate memory computes', async () => {
    const step = fc.record({
      op: fc.constantFrom('add', 'scale', 'linear', 'reshape'),
      a: fc.nat(),
      b: fc.nat(),
    });
    let numTaken = 0;
    let numRefused = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 2, maxLength: 12 }),
        fc.array(fc.record({ value: fc.nat(), slot: fc.nat() }), { minLength: 1, maxLength: 3 }),
        async (steps, moves) => {
          const graph = trace((g) => {
            const w = g.weight('w', [4, 4]);
            const made = [linear(g.weight('x', [4, 4]), w)];
            for (const { op, a, b } of steps) {
              const [left, right] = [made[a % made.length], made[b % made.length]];
              if (op === 'add') made.push(add(left, right));
              else if (op === 'reshape') made.push(reshape(left, [4, 4]));
              else made.push(op === 'scale' ? scale(left, { factor: 0.5 }) : linear(left, w));
            }
            return { out: made[made.length - 1], other: made[made.length >> 1] };
          });
          const planned = planMemory(graph, 'test');
          const slotted = planned.values.flatMap(({ kind }, id) => (kind === 'slot' ? [id] : []));
          const moved = planned.values.map((value) => ({ ...value }));
          for (const { value, slot } of moves)
            Object.assign(moved[slotted[value % slotted.length]], { slot: slot % planned.slots.length });
          const changed = { ...planned, values: moved };
          try {
            verifyProgram(graph, changed);
          } catch {
            numRefused++;
            return;
          }
          numTaken++;
          expect(await run(changed)).toEqual(await run(planned));
        },
      ),
      { numRuns: 200 },
    );
    expect(numTaken).toBeGreaterThan(10);
    expect(numRefused).toBeGreaterThan(10);
  });
});

function slotOf(id: number): number {
  const value = program.values[id];
  return value.kind === 'slot' ? value.slot : Number.NaN;
}

async function run(program: Program): Promise<Record<string, Float32Array>> {
  const f32 = storageTypeByName('f32');
  const weight = (name: string, factor: number) => {
    const data = Float32Array.from({ length: 16 }, (_, i) => ((i * factor) % 5) / 4 - 0.4);
    const part = { sizeBytes: 64, read: async () => new Uint8Array(data.buffer) };
    return [name, { name, type: f32, shape: [4, 4], parts: [part] }] as const;
  };
  const weights = new Map([weight('x', 3), weight('w', 7)]);
  const executable = await referenceBackend.load(program, weights, { stateBindings: {}, stateType: f32 });
  return executable.run({}, {});
}
