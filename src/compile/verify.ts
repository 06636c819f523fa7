import { InternalError } from '../core/errors.ts';
import { formatShape, multiplyDim, numElements, sameShape } from '../graph/dim.ts';
import type { Inferred, OpFacts } from '../graph/op.ts';
import { factsOf, ops } from '../graph/ops/index.ts';
import type { Graph, Tensor } from '../graph/tensor.ts';
import { dominates, ELEMENT_BYTES, owner } from './plan-memory.ts';
import type { Instruction, Program, Value, ValueId } from './program.ts';
import { isSource } from './simplify.ts';

/**
 * Throws `InternalError` unless every node is an op there is, reads what comes before it, and has the shape and type that
 * its op infers. Run after each pass, so that a wrong rewrite is reported by the pass that made it.
 */
export function verifyGraph(graph: Graph, pass: string): void {
  const known = new Set<Tensor>();
  const names = new Set<string>();
  for (const node of graph.nodes) {
    const refuse = (why: string): never => wrong(pass, describeNode(node), why);
    if (isSource(node)) {
      if (node.name === undefined) refuse('has no name');
      if (names.has(`${node.op} ${node.name}`)) refuse('is there twice');
      names.add(`${node.op} ${node.name}`);
    } else verifyNode(node, known, refuse);
    known.add(node);
  }
  for (const [name, tensor] of Object.entries(graph.outputs))
    if (!known.has(tensor)) wrong(pass, `output ${name}`, 'is not in the graph');
}

function verifyNode(node: Tensor, known: ReadonlySet<Tensor>, refuse: (why: string) => never): void {
  if (!Object.hasOwn(ops, node.op)) refuse('is not an op');
  const facts = factsOf(node.op);
  const { arity, numOptional = 0 } = facts;
  if (node.inputs.length < arity || node.inputs.length > arity + numOptional)
    refuse(`has ${node.inputs.length} inputs instead of ${arity}`);
  node.inputs.forEach((input, i) => {
    if (!known.has(input)) refuse(`reads input ${i} before it is computed`);
  });
  const { shape, type } = inferOr(refuse, facts, node);
  if (!sameShape(shape, node.shape) || type !== node.type)
    refuse(`should be ${type}${formatShape(shape)} by its op`);
}

function inferOr(refuse: (why: string) => never, facts: OpFacts, { inputs, attributes }: Tensor): Inferred {
  try {
    return facts.infer(inputs, attributes);
  } catch (error) {
    return refuse(`is refused by its op: ${(error as Error).message}`);
  }
}

/**
 * Throws `InternalError` unless the program computes what the graph says. Follows the program and notes what each slot
 * holds: every instruction must find the values in its inputs' slots that its node reads, and may write into the slot of
 * an input only where its op allows that.
 */
export function verifyProgram(graph: Graph, program: Program): void {
  const { values, instructions } = program;
  /** Whose elements a slot holds: those of the tensor that was computed into it last. */
  const held = new Map<number, Tensor>();
  const idOf = new Map<Tensor, ValueId>();
  const holds = (id: ValueId, tensor: Tensor): boolean => {
    if (id === undefined || id !== idOf.get(tensor)) return false;
    const value = values[id];
    return value.kind !== 'slot' || held.get(value.slot) === owner(tensor);
  };

  if (values.length !== graph.nodes.length)
    wrong('planMemory', 'the program', 'has not one value for each node');
  let numDone = 0;
  for (const [id, node] of graph.nodes.entries()) {
    const refuse = (why: string): never => wrong('planMemory', describeNode(node), why);
    const value = values[id];
    verifyValue(value, node, program, refuse);
    idOf.set(node, id);
    if (value.kind !== 'slot') continue;
    if (owner(node) === node) {
      verifyInstruction(instructions[numDone++], node, id, program, holds, refuse);
      held.set(value.slot, node);
    } else if (!holds(id, node)) refuse('shares a slot that holds something else');
  }
  if (instructions.length !== numDone) wrong('planMemory', 'the program', 'has instructions of no node');
  for (const [name, tensor] of Object.entries(graph.outputs)) {
    if (!holds(program.outputs[name], tensor))
      wrong('planMemory', `output ${name}`, 'is not where the program says');
  }
}

/** A source and its aliases are read by name; everything else needs a slot that is large enough, whatever is bound. */
function verifyValue(value: Value, node: Tensor, { slots }: Program, refuse: (why: string) => never): void {
  if (!sameShape(value.shape, node.shape) || value.type !== node.type)
    refuse(`is ${value.type}${formatShape(value.shape)} in the program`);
  const source = owner(node);
  if (value.kind !== 'slot') {
    if (value.kind !== source.op || value.name !== source.name) refuse('is a source in the program');
    return;
  }
  if (isSource(source)) refuse('has a slot, but is a source');
  const size = multiplyDim(numElements(value.shape), ELEMENT_BYTES);
  if (!slots[value.slot]?.some((known) => dominates(known, size))) refuse('does not fit into its slot');
}

function verifyInstruction(
  instruction: Instruction | undefined,
  { op, inputs, attributes }: Tensor,
  output: ValueId,
  { values }: Program,
  holds: (id: ValueId, tensor: Tensor) => boolean,
  refuse: (why: string) => never,
): void {
  const isNext =
    instruction?.op === op && instruction.output === output && instruction.attributes === attributes;
  if (!isNext || instruction.inputs.length !== inputs.length) refuse('is not the next instruction');
  const slotOf = (id: ValueId): number | undefined => {
    const value = values[id];
    return value.kind === 'slot' ? value.slot : undefined;
  };
  for (const [i, input] of inputs.entries()) {
    const id = instruction.inputs[i];
    if (!holds(id, input)) refuse(`does not find its input ${i}, ${describeNode(input)}`);
    if (slotOf(id) === slotOf(output) && factsOf(op).inPlace !== i)
      refuse(`writes over its input ${i} while reading it`);
  }
}

function describeNode({ op, name, type, shape, id }: Tensor): string {
  return `${name ?? `%${id} = ${op}`} : ${type}${formatShape(shape)}`;
}

function wrong(pass: string, what: string, why: string): never {
  throw new InternalError(`after ${pass}: ${what} ${why}`);
}
