import type { Program } from '../../compile/program.ts';
import { InternalError } from '../../core/errors.ts';
import { type Bindings, type Dim, evaluateDim } from '../../graph/dim.ts';
import type { AttributeValue } from '../../graph/tensor.ts';
import { NATIVE_OPS } from './native-ops.ts';

/** A program in the words that native/program.h describes, with the names of what the caller has to supply. */
export interface EncodedProgram {
  readonly words: Int32Array;
  readonly constants: Float64Array;
  /** In the order in which `run` takes them. */
  readonly symbols: readonly string[];
  readonly inputs: readonly string[];
  readonly weights: readonly string[];
  readonly states: readonly string[];
  readonly outputs: readonly string[];
}

const VALUE_KINDS = ['input', 'weight', 'state', 'slot'];

const OP_NUMBERS = new Map(Object.keys(NATIVE_OPS).map((name, number) => [name, number]));

/** FNV-1a over names and attributes, as native/program.cc computes it. */
const FINGERPRINT = [...Object.entries(NATIVE_OPS).flat().join('\n'), '\n'].reduce(
  (hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16777619),
  2166136261,
);

const ATTRIBUTES = Object.values(NATIVE_OPS).map((attributes) =>
  attributes
    .split(' ')
    .filter(Boolean)
    .map((attribute) => {
      const [name, otherwise] = attribute.split('=');
      return { name, otherwise: otherwise === undefined ? undefined : Number(otherwise) };
    }),
);

/** Throws `InternalError` for an op without a native kernel: the compiler should not have let it through. */
export function encodeProgram(program: Program, stateBindings: Bindings): EncodedProgram {
  const symbols: string[] = [];
  const numbers = {
    input: new Map<string, number>(),
    weight: new Map<string, number>(),
    state: new Map<string, number>(),
  };
  const body: number[] = [];
  const constants: number[] = [];

  const symbolNumber = (symbol: string): number => {
    if (!symbols.includes(symbol)) symbols.push(symbol);
    return symbols.indexOf(symbol);
  };
  const pushDim = (dim: Dim): void => {
    if (typeof dim === 'number') body.push(dim, -1);
    else if (dim.symbol in stateBindings) body.push(evaluateDim(dim, stateBindings), -1);
    else body.push(dim.times, symbolNumber(dim.symbol));
  };

  for (const value of program.values) {
    let index: number;
    if (value.kind === 'slot') index = value.slot;
    else {
      const known = numbers[value.kind];
      index = known.get(value.name) ?? known.size;
      known.set(value.name, index);
    }
    body.push(VALUE_KINDS.indexOf(value.kind), index, value.type === 'f32' ? 0 : 1, value.shape.length);
    value.shape.forEach(pushDim);
  }
  for (const alternatives of program.slots) {
    body.push(alternatives.length);
    alternatives.forEach(pushDim);
  }
  for (const { op, inputs, output, attributes } of program.instructions) {
    const number = OP_NUMBERS.get(op);
    if (number === undefined) throw new InternalError(`there is no native kernel for ${op}`);
    const values = ATTRIBUTES[number].map(({ name, otherwise }) => asNumber(attributes[name] ?? otherwise));
    body.push(number, inputs.length, ...inputs, output, constants.length, values.length);
    constants.push(...values);
  }
  body.push(...Object.values(program.outputs));

  const head = [
    FINGERPRINT,
    symbols.length,
    program.values.length,
    program.slots.length,
    program.instructions.length,
    Object.keys(program.outputs).length,
    constants.length,
  ];
  return {
    words: Int32Array.from([...head, ...body]),
    constants: Float64Array.from(constants),
    symbols,
    inputs: [...numbers.input.keys()],
    weights: [...numbers.weight.keys()],
    states: [...numbers.state.keys()],
    outputs: Object.keys(program.outputs),
  };
}

function asNumber(value: AttributeValue | undefined): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  throw new InternalError(`an attribute of a native op is ${JSON.stringify(value)}, not a number`);
}
