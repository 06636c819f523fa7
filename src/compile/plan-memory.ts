import { type Dim, multiplyDim, numElements } from '../graph/dim.ts';
import { factsOf } from '../graph/ops/index.ts';
import type { Graph, Tensor } from '../graph/tensor.ts';
import type { Instruction, Program, SourceValue, Value, ValueId } from './program.ts';
import { isSource } from './simplify.ts';

export const ELEMENT_BYTES = 4;

/**
 * What is read again only so many nodes later (the backward pass reads what the forward pass computed) gets a slot of
 * its size and no larger: a layer's input in the slot of its widest product would hold on to that much for the whole step.
 */
const LONG_LIFE = 64;

/**
 * Give every value a slot, so that values which are never needed at the same time share memory.
 *
 * Walks the nodes in order and keeps the slots that nobody needs any more; a new value takes over the memory of a dying
 * input where its op allows that, else the free slot that has to grow least, else a new one. What lives long, as outputs do,
 * takes none that is larger than it is: others can still share it.
 */
export function planMemory(graph: Graph, name: string): Program {
  const lastUse = findLastUses(graph);
  const values: Value[] = [];
  const valueIdOf = new Map<Tensor, ValueId>();
  const slotOf = new Map<Tensor, number>();
  const slots: Dim[][] = [];
  const free = new Set<number>();
  const instructions: Instruction[] = [];

  const sizeOf = (slot: number): number => Math.max(...slots[slot].map(nominal));

  const takeSlot = (size: Dim, isLongLived: boolean): number => {
    let best = -1;
    let bestGrowth = Number.POSITIVE_INFINITY;
    for (const slot of free) {
      if (isLongLived && sizeOf(slot) > nominal(size)) continue;
      const growth = Math.abs(nominal(size) - sizeOf(slot));
      if (growth < bestGrowth) {
        best = slot;
        bestGrowth = growth;
      }
    }
    if (best < 0) return slots.push([size]) - 1;
    free.delete(best);
    if (!slots[best].some((known) => dominates(known, size))) slots[best].push(size);
    return best;
  };

  graph.nodes.forEach((node, index) => {
    if (isSource(node)) {
      valueIdOf.set(node, values.length);
      values.push({
        kind: node.op as SourceValue['kind'],
        name: node.name as string,
        shape: node.shape,
        type: node.type,
      });
      return;
    }
    const facts = factsOf(node.op);
    const dies = (tensor: Tensor): boolean => lastUse.get(owner(tensor)) === index && slotOf.has(tensor);
    const taken = facts.aliasOf ?? facts.inPlace;
    const candidate = taken === undefined ? undefined : node.inputs[taken];
    const isAlias = facts.aliasOf !== undefined;
    const size = multiplyDim(numElements(node.shape), ELEMENT_BYTES);
    const isLongLived = (lastUse.get(owner(node)) ?? index) - index > LONG_LIFE;
    const inherits =
      candidate !== undefined &&
      slotOf.has(candidate) &&
      (isAlias ||
        (dies(candidate) &&
          !(isLongLived && sizeOf(slotOf.get(candidate) as number) > nominal(size)) &&
          node.inputs.filter((input) => owner(input) === owner(candidate)).length === 1));

    if (isAlias && candidate && !slotOf.has(candidate)) {
      // A source under another shape stays the source's memory; backends read it by name.
      valueIdOf.set(node, values.length);
      values.push({ ...(values[valueIdOf.get(candidate) as ValueId] as SourceValue), shape: node.shape });
      return;
    }
    const slot = inherits ? (slotOf.get(candidate) as number) : takeSlot(size, isLongLived);
    slotOf.set(node, slot);
    valueIdOf.set(node, values.length);
    values.push({ kind: 'slot', slot, shape: node.shape, type: node.type });
    if (!isAlias) {
      instructions.push({
        op: node.op,
        inputs: node.inputs.map((input) => valueIdOf.get(input) as ValueId),
        output: valueIdOf.get(node) as ValueId,
        attributes: node.attributes,
      });
    }
    for (const input of new Set(node.inputs)) {
      const inputSlot = slotOf.get(input);
      if (inputSlot !== undefined && inputSlot !== slot && dies(input)) free.add(inputSlot);
    }
    // Nobody reads it: it exists only because the op writes a state.
    if (lastUse.get(owner(node)) === undefined) free.add(slot);
  });

  const outputs = Object.fromEntries(
    Object.entries(graph.outputs).map(([key, tensor]) => [key, valueIdOf.get(tensor) as ValueId]),
  );
  return { name, values, instructions, slots, outputs };
}

/** Aliases share their source's memory, so lifetimes are counted for the tensor that owns it. */
export function owner(tensor: Tensor): Tensor {
  if (isSource(tensor)) return tensor;
  const { aliasOf } = factsOf(tensor.op);
  return aliasOf === undefined ? tensor : owner(tensor.inputs[aliasOf]);
}

function findLastUses(graph: Graph): Map<Tensor, number> {
  const lastUse = new Map<Tensor, number>();
  graph.nodes.forEach((node, index) => {
    for (const input of node.inputs) lastUse.set(owner(input), index);
  });
  for (const output of Object.values(graph.outputs)) lastUse.set(owner(output), Number.POSITIVE_INFINITY);
  return lastUse;
}

/** Sizes are compared at a typical prefill; the choice only affects how well memory is shared, never correctness. */
function nominal(size: Dim): number {
  return typeof size === 'number' ? size : size.times * (size.symbol === 'T' ? 512 : 1);
}

export function dominates(a: Dim, b: Dim): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a >= b;
  return typeof a === 'object' && typeof b === 'object' && a.symbol === b.symbol && a.times >= b.times;
}
