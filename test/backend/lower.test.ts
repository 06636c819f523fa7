import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ActivationFormat, F32_ACTIVATIONS, lowerToNative } from '../../src/backend/program/lower.ts';
import { compile } from '../../src/compile/compile.ts';
import { printProgram } from '../../src/compile/print.ts';
import type { Instruction, Program, ValueId } from '../../src/compile/program.ts';
import { add } from '../../src/graph/ops/add.ts';
import { linear } from '../../src/graph/ops/linear.ts';
import { silu } from '../../src/graph/ops/silu.ts';
import { type GraphBuilder, type Tensor, trace } from '../../src/graph/tensor.ts';
import { open } from '../../src/index.ts';
import { TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';

/** Blocks of 32: a byte for each element and a scale of four bytes; weights called "exact" stay f32. */
const format: ActivationFormat = {
  kindFor: (name) => (/exact|router/.test(name) ? F32_ACTIVATIONS : 1),
  rowBytes: (_kind, numCols) => numCols + (numCols / 32) * 4,
};

const isProduct = ({ op }: Instruction): boolean => op === 'linear' || op === 'groupedLinear';
const opsOf = (program: Program): string[] => program.instructions.map(({ op }) => op);

/** Every product as "its rows × its weight", rows being named by what they were before any conversion. */
function productsOf(program: Program): string[] {
  const slotOf = (id: ValueId): number => {
    const value = program.values[id];
    return value.kind === 'slot' ? value.slot : -1;
  };
  const writer = new Map<number, { at: number; instruction: Instruction }>();
  const written = (id: ValueId): string => `${slotOf(id)}:${writer.get(slotOf(id))?.at}`;
  /** The rows that a copy was made of, as they were then. */
  const sources = new Map<number, string>();
  return program.instructions.flatMap((instruction, at) => {
    const [x, weight] = instruction.inputs;
    const found: string[] = [];
    if (isProduct(instruction)) {
      const { name } = program.values[weight] as { name: string };
      const last = writer.get(slotOf(x))?.instruction;
      if (format.kindFor(name) === F32_ACTIVATIONS) expect(last?.op).not.toBe('quantizeRows');
      else {
        expect(last?.op, 'rows of a quantised product come from a conversion').toBe('quantizeRows');
        expect(last?.output).toBe(x);
        expect(sources.get(slotOf(x)), 'which was made of the rows as they are').toBe(
          written(last?.inputs[0] as ValueId),
        );
      }
      const rows = last?.op === 'quantizeRows' ? last.inputs[0] : x;
      found.push(`${rows} × ${name}`);
    }
    if (instruction.op === 'quantizeRows') sources.set(slotOf(instruction.output), written(x));
    writer.set(slotOf(instruction.output), { at, instruction });
    return found;
  });
}

const compiled = (build: (g: GraphBuilder, x: Tensor) => Tensor): Program =>
  compile(
    trace((g) => ({ out: build(g, g.input('x', [4, 32], 'f32')) })),
    { name: 'test', supports: () => false },
  );
const lowered = (build: (g: GraphBuilder, x: Tensor) => Tensor): Program =>
  lowerToNative(compiled(build), format);
const matrix = (g: GraphBuilder, name: string): Tensor => g.weight(name, [32, 32]);

describe('lowerToNative()', () => {
  it('of the tiny model is the program that was reviewed', async () => {
    const model = await open(TINY_LLAMACPP_GGUF, { backend: 'reference' });
    const program = lowerToNative(model.engine.program, format);
    productsOf(program);
    await expect(printProgram(program)).toMatchFileSnapshot('../programs/tiny-inference-lowered.txt');
    await model.close();
  });

  it('converts rows once for all products that share them, before the first of them', () => {
    const program = lowered((g, x) =>
      add(add(linear(x, matrix(g, 'q')), linear(x, matrix(g, 'k'))), linear(x, matrix(g, 'v'))),
    );
    expect(opsOf(program)).toEqual(['quantizeRows', 'linear', 'linear', 'linear', 'add', 'add']);
  });

  it('leaves products with f32 weights as they are', () => {
    expect(opsOf(lowered((g, x) => linear(x, matrix(g, 'exact'))))).toEqual(['linear']);
  });

  it('converts again once rows were overwritten', () => {
    const program = lowered((g, x) => {
      const y = silu(linear(x, matrix(g, 'first')));
      return linear(silu(linear(y, matrix(g, 'second'))), matrix(g, 'third'));
    });
    expect(opsOf(program).filter((op) => op === 'quantizeRows')).toHaveLength(3);
    productsOf(program);
  });

  it('of any program multiplies the same rows by the same weights, and makes no copy that nothing reads', () => {
    const step = fc.record({
      op: fc.constantFrom('add', 'silu', 'linear', 'exact'),
      a: fc.nat(),
      b: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const program = compiled((g, x) => {
          const made = [x];
          for (const [i, { op, a, b }] of steps.entries()) {
            const [left, right] = [made[a % made.length], made[b % made.length]];
            if (op === 'add') made.push(add(left, right));
            else made.push(op === 'silu' ? silu(left) : linear(left, matrix(g, `${op}.${i}`)));
          }
          return silu(made[made.length - 1]);
        });
        const before = program.instructions.filter(isProduct).map(({ inputs: [x, weight] }) => {
          return `${x} × ${(program.values[weight] as { name: string }).name}`;
        });
        const after = lowerToNative(program, format);
        expect(productsOf(after)).toEqual(before);
        const isRead = new Set(after.instructions.flatMap(({ inputs }) => inputs));
        for (const { op, output } of after.instructions)
          if (op === 'quantizeRows') expect(isRead.has(output)).toBe(true);
      }),
    );
  });
});
