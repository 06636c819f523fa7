import { ShapeError } from '../core/errors.ts';
import { type Dim, formatShape, type Shape, sameDim } from './dim.ts';
import type { Attributes, ElementType, Tensor } from './tensor.ts';

export interface Inferred {
  readonly shape: Shape;
  readonly type: ElementType;
}

/** What a gradient rule is given: the gradient of the output and everything the op saw. */
export interface VjpArguments<A> {
  readonly gradient: Tensor;
  readonly output: Tensor;
  readonly inputs: readonly Tensor[];
  readonly attributes: A;
}

/** Axis lengths of one call, with every symbol bound. All sequences are alike: as many new tokens, as many cached ones. */
export interface CallSizes {
  readonly inputs: readonly (readonly number[])[];
  readonly output: readonly number[];
  /** Positions of each sequence that were cached before. */
  readonly numCached: number;
}

/** All facts about one op. Compiler passes read these; they name ops only where they move `takeRows`, and in fusion patterns. */
export interface OpFacts<A = Attributes> {
  readonly name: string;
  /** Number of tensors the op takes at least, and that it may take besides. */
  readonly arity: number;
  readonly numOptional?: number;
  /** Shape and element type of the output; throws `ShapeError` through `check` where the inputs do not fit. */
  infer(inputs: readonly Tensor[], attributes: A): Inferred;
  /** Vector-Jacobian product: one gradient for each input, undefined where there is none (indices, states). */
  vjp?(args: VjpArguments<A>): readonly (Tensor | undefined)[];
  /** Multiply-adds of one call. Elementwise ops leave it out: they are bound by memory. */
  multiplies?(call: CallSizes): number;
  /** Elements that one call has to read of each weight or state among its inputs; default: all. */
  reads?(call: CallSizes): number;
  /** Index of the input whose memory the output may take over. */
  readonly inPlace?: number;
  /** The output is the same memory as this input, under another shape. */
  readonly aliasOf?: number;
  /** Row i of the output depends on nothing but row i of each input that has the output's first axis. */
  readonly rowwise?: boolean;
  /** A backend can run several of these, if none needs another's result, as one loop. */
  readonly joinable?: boolean;
  /** The op changes a state, so it must run even if nobody reads its output. */
  readonly writesState?: boolean;
}

type TensorTuple = readonly Tensor[];
type OpArguments<I extends TensorTuple, A> = A extends undefined ? I : [...I, attributes: A];

/** An op: call it to add a node, or read its facts. */
export type Op<I extends TensorTuple, A> = ((...args: OpArguments<I, A>) => Tensor) & {
  readonly facts: OpFacts<A>;
};

/**
 * Declare an op. The result is the function that models call: tensors first, then the attributes, if it has any.
 * Throws `ShapeError` naming the op and the shapes it was given.
 */
export function defineOp<I extends TensorTuple, A extends Attributes | undefined = undefined>(
  facts: OpFacts<A>,
): Op<I, A> {
  const call = (...args: unknown[]): Tensor => {
    const numInputs = facts.arity + args.slice(facts.arity).filter(isTensor).length;
    const inputs = args.slice(0, numInputs) as Tensor[];
    const attributes = (args[numInputs] ?? {}) as A;
    const { shape, type } = facts.infer(inputs, attributes);
    return inputs[0].graph.add(facts.name, inputs, attributes as Attributes, shape, type);
  };
  return Object.assign(call, { facts }) as unknown as Op<I, A>;
}

function isTensor(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'graph' in value;
}

/** Refuse shapes that do not fit, with the op's name and what it was given. */
export function check(holds: boolean, op: string, inputs: readonly Tensor[], rule: string): asserts holds {
  if (holds) return;
  const given = inputs.map((input) => `${input.name ?? input.op}${formatShape(input.shape)}`).join(', ');
  throw new ShapeError(`${op}(${given}) does not fit: ${rule}`, {
    code: 'shape-mismatch',
    hint: 'the configuration and the tensors of the model disagree',
  });
}

/** The last axis. */
export function lastDim(tensor: Tensor): Dim {
  return tensor.shape[tensor.shape.length - 1];
}

/** True where `suffix` equals the last axes of `shape`. */
export function isSuffix(suffix: Shape, shape: Shape): boolean {
  const skip = shape.length - suffix.length;
  return skip >= 0 && suffix.every((dim, i) => sameDim(dim, shape[skip + i]));
}
