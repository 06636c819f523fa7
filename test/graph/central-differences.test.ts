import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { gradients } from '../../src/graph/autograd.ts';
import { evaluateShape, numElements } from '../../src/graph/dim.ts';
import { factsOf } from '../../src/graph/ops/index.ts';
import { linear } from '../../src/graph/ops/linear.ts';
import { reshape } from '../../src/graph/ops/reshape.ts';
import { type GraphBuilder, type Tensor, trace } from '../../src/graph/tensor.ts';
import { loadSuites } from '../conformance/load-suites.ts';
import type { OpCase, Operand } from '../conformance/op-case.ts';
import { evaluateF64, type Sources } from './evaluate-f64.ts';

// Every gradient rule against central differences, on the inputs of the conformance suite. The loss is the output's inner
// product with random numbers, so each element of the Jacobian counts.

/** Ops that pass no gradient on, and why that is right. */
const WITHOUT_RULE: Readonly<Record<string, string>> = {
  accumulate: 'ends the backward pass',
  accumulateGroupedLinear: 'ends the backward pass',
  accumulateLinear: 'ends the backward pass',
  accumulateRows: 'ends the backward pass',
  adamw: 'uses gradients',
  after: 'belongs to the backward pass',
  balanceWeights: 'shares of choices are constants of the balance loss',
  cachedAttention: 'serves; training attends without a cache',
  chooseExperts: 'a choice does not change by a little',
  countExperts: 'a choice does not change by a little',
  fullLike: 'does not read its operand',
  limitGroups: 'only chooses',
  linearCrossEntropy: 'measures; linearCrossEntropyGrad gives it and its gradients (training-losses.test.ts)',
  muon: 'uses gradients',
  sumRows: 'belongs to the backward pass',
  sumSquares: 'uses gradients',
  takeColumns: 'belongs to the backward pass',
  topK: 'a choice does not change by a little',
};

/** Operands, by their place, that are never learnt, and why. */
const CONSTANTS: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  rope: { 2: 'factors follow from the configuration' },
};

const suites = [...(await loadSuites())];
const isOfTheWayBack = (op: string): boolean => /Grad|^scatterAdd/.test(op);
const differentiable = suites.filter(([op]) => factsOf(op).vjp !== undefined);

describe('gradient rules', () => {
  it('every op has one, or a reason to have none', () => {
    const without = suites.map(([op]) => op).filter((op) => factsOf(op).vjp === undefined);
    expect(without.filter((op) => !isOfTheWayBack(op)).sort()).toEqual(Object.keys(WITHOUT_RULE).sort());
  });
});

describe.each(differentiable)('%s()', (op, { cases }) => {
  it.each(someOf(cases))('has the gradient that central differences show: %s', (_, opCase) => {
    const { loss, wrt, found } = lossOf(opCase, CONSTANTS[op] ?? {});
    const sources = sourcesOf(opCase, loss);
    const results = evaluateF64(found, sources, opCase.bindings);
    wrt.forEach((tensor, i) => {
      const values = sources.get(tensor.name as string) as Float64Array;
      const expected = differences(loss, values, sources, opCase);
      const scale = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-3);
      results[i].forEach((value, at) => {
        // Measured: below 1e-10. A wrong rule is wrong in the first digits.
        expect(Math.abs(value - expected[at]) / scale, `${tensor.name}, element ${at}`).toBeLessThan(1e-8);
      });
    });
  });
});

/** Fourth order: (8·(f(x+h) − f(x−h)) − (f(x+2h) − f(x−2h))) / 12h. */
function differences(
  loss: Tensor,
  values: Float64Array,
  sources: Sources,
  { bindings, differenceStep: h = 1e-3 }: OpCase,
): Float64Array {
  const at = (index: number, value: number): number => {
    const original = values[index];
    values[index] = value;
    const [[result]] = evaluateF64([loss], sources, bindings);
    values[index] = original;
    return result;
  };
  return values.map((value, i) => {
    const near = at(i, value + h) - at(i, value - h);
    const far = at(i, value + 2 * h) - at(i, value - 2 * h);
    return (8 * near - far) / (12 * h);
  });
}

function lossOf(
  opCase: OpCase,
  constants: Readonly<Record<number, string>>,
): { loss: Tensor; wrt: Tensor[]; found: Tensor[] } {
  let result: { loss: Tensor; wrt: Tensor[]; found: Tensor[] } | undefined;
  trace((graph) => {
    const operands = opCase.operands.map((operand, i) => enter(graph, operand, `operand${i}`));
    const out = opCase.build(operands);
    const count = numElements(out.shape);
    const product = linear(reshape(out, [1, count]), graph.weight('cotangent', [1, count]));
    const loss = reshape(product, [1]);
    const wrt = operands.filter((operand, i) => operand.type === 'f32' && constants[i] === undefined);
    result = { loss, wrt, found: gradients(loss, wrt) };
    return { loss };
  });
  return result as { loss: Tensor; wrt: Tensor[]; found: Tensor[] };
}

function enter(graph: GraphBuilder, operand: Operand, name: string): Tensor {
  if (operand.kind === 'floats') return graph.input(name, operand.shape, 'f32');
  return operand.kind === 'integers' ? graph.input(name, operand.shape) : graph.weight(name, operand.shape);
}

function sourcesOf({ operands, bindings }: OpCase, loss: Tensor): Sources {
  const sources = new Map<string, Float64Array | Int32Array>();
  operands.forEach((operand, i) => {
    if (operand.kind === 'integers') sources.set(`operand${i}`, operand.data);
    else if (operand.kind !== 'state') sources.set(`operand${i}`, Float64Array.from(operand.data));
  });
  const random = new Random(3);
  const cotangent = loss.graph.nodes.find((node) => node.name === 'cotangent') as Tensor;
  const [, length] = evaluateShape(cotangent.shape, bindings);
  return sources.set(
    'cotangent',
    Float64Array.from({ length }, () => random.normal()),
  );
}

/** Each element costs four runs, so large cases are left out. */
function someOf(cases: readonly OpCase[]): (readonly [string, OpCase])[] {
  const size = (opCase: OpCase): number => opCase.operands.reduce((sum, operand) => sum + sizeOf(operand), 0);
  return cases.filter((opCase) => size(opCase) < 800).map((opCase) => [opCase.name, opCase] as const);
}

function sizeOf(operand: Operand): number {
  return operand.kind === 'state' ? 0 : operand.data.length;
}
