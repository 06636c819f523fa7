import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import { compile } from '../../src/compile/compile.ts';
import { printProgram } from '../../src/compile/print.ts';
import { layoutSlots } from '../../src/compile/program.ts';
import { storageTypeByName } from '../../src/dtype/index.ts';
import { symbol } from '../../src/graph/dim.ts';
import { add } from '../../src/graph/ops/add.ts';
import { linear } from '../../src/graph/ops/linear.ts';
import { reshape } from '../../src/graph/ops/reshape.ts';
import { scale } from '../../src/graph/ops/scale.ts';
import { type Tensor, trace } from '../../src/graph/tensor.ts';

const T = symbol('T');
const options = { name: 'test', supports: referenceBackend.supports };

describe('planMemory()', () => {
  it('a long chain needs two slots, not one for each value', () => {
    const graph = trace((g) => {
      let x = linear(g.weight('x', [4, 8]), g.weight('w0', [8, 8]));
      for (let i = 1; i < 20; i++) x = linear(x, g.weight(`w${i}`, [8, 8]));
      return { x };
    });
    expect(compile(graph, options).slots).toHaveLength(2);
  });

  it('a reshaped value keeps its memory while the reshaped form is still read', () => {
    const graph = trace((g) => {
      const a = linear(g.weight('x', [4, 8]), g.weight('w', [8, 8]));
      const flat = reshape(a, [32]);
      const b = linear(g.weight('x', [4, 8]), g.weight('v', [8, 8]));
      return { sum: add(reshape(b, [32]), flat) };
    });
    const program = compile(graph, options);
    const slots = program.values.flatMap((value) => (value.kind === 'slot' ? [value.slot] : []));
    expect(new Set(slots).size).toBe(2);
  });

  it('any random graph computes the same with shared memory as with none shared', async () => {
    // Each step names an op and which earlier values it reads; a wrong lifetime would mix values up.
    const step = fc.record({ op: fc.constantFrom('add', 'scale', 'linear'), a: fc.nat(), b: fc.nat() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.nat(),
        async (steps, outputIndex) => {
          const graph = trace((g) => {
            const made: Tensor[] = [linear(g.weight('x', [3, 4]), g.weight('w', [4, 4]))];
            for (const { op, a, b } of steps) {
              const [left, right] = [made[a % made.length], made[b % made.length]];
              if (op === 'add') made.push(add(left, right));
              else if (op === 'scale') made.push(scale(left, { factor: 0.5 }));
              else made.push(linear(left, g.weight('w', [4, 4])));
            }
            return { out: made[outputIndex % made.length] };
          });
          const program = compile(graph, options);
          const separate = {
            ...program,
            values: program.values.map((value, id) =>
              value.kind === 'slot' ? { ...value, slot: id } : value,
            ),
            slots: program.values.map(() => [3 * 4 * 4]),
          };
          expect(await run(program)).toEqual(await run(separate));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('slots lie side by side and are as large as their largest user', () => {
    const graph = trace((g) => ({
      a: linear(g.input('x', [T, 8]), g.weight('w', [3, 8])),
      b: linear(g.input('x', [T, 8]), g.weight('v', [5, 8])),
    }));
    const program = compile(graph, options);
    const { offsets, sizeBytes } = layoutSlots(program, { T: 10 });
    expect([...offsets].sort((p, q) => p - q)).toEqual([0, 128]);
    expect(sizeBytes).toBe(128 + 256);
    expect(printProgram(program)).toContain('linear(x, w) : f32[T,3] @0');
  });
});

async function run(program: ReturnType<typeof compile>): Promise<number[]> {
  const f32 = storageTypeByName('f32');
  const weight = (name: string, shape: number[], value: (i: number) => number) => {
    const data = Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => value(i));
    const bytes = new Uint8Array(data.buffer);
    return [
      name,
      { name, type: f32, shape, parts: [{ sizeBytes: bytes.length, read: async () => bytes }] },
    ] as const;
  };
  const weights = new Map([
    weight('x', [3, 4], (i) => i - 5),
    weight('w', [4, 4], (i) => ((i * 7) % 5) / 4 - 0.4),
  ]);
  const executable = await referenceBackend.load(program, weights, { stateBindings: {}, stateType: f32 });
  const { out } = await executable.run({}, {});
  return Array.from(out);
}
