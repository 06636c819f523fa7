import type { Instruction, Program, Value, ValueId } from '../../compile/program.ts';
import { type Dim, multiplyDim } from '../../graph/dim.ts';

/** What a row of activations becomes before it is multiplied by weights of a type; the numbers of C++'s `Activation`. */
export const F32_ACTIVATIONS = 0;

export interface ActivationFormat {
  /** 0 f32, 1 int8 blocks of 32, 2 int8 blocks of 256. */
  kindFor(weightName: string): number;
  rowBytes(kind: number, numCols: number): number;
}

const ELEMENT_BYTES = 4;
const MATMULS: ReadonlySet<string> = new Set(['linear', 'groupedLinear']);

/** A quantised copy of a value, good until the value's slot or its own is written again. */
interface Copy {
  readonly source: ValueId;
  readonly kind: number;
  readonly value: ValueId;
  readonly slot: number;
}

/**
 * Make the conversion of activations explicit: a matrix product whose weights need int8 blocks is preceded by one
 * `quantizeRows`, and products that read the same rows share it (query, key and value; gate and up; all experts).
 * Conversions for consecutive products come before the first of them, so that the products stay consecutive.
 */
export function lowerToNative(program: Program, format: ActivationFormat): Program {
  const values: Value[] = [...program.values];
  const slots: Dim[][] = program.slots.map((alternatives) => [...alternatives]);
  const instructions: Instruction[] = [];
  const copySlots: number[] = [];
  let copies: Copy[] = [];

  const addCopy = (source: ValueId, kind: number, isTaken: (slot: number) => boolean): Copy => {
    const { shape } = values[source];
    const rowBytes = format.rowBytes(kind, shape[1] as number);
    // The slot that has been idle longest; two or three serve a whole model.
    let slot = copySlots.find((candidate) => !isTaken(candidate));
    if (slot === undefined || (copySlots.length < 2 && copies.length > 0)) slot = slots.push([]) - 1;
    else copySlots.splice(copySlots.indexOf(slot), 1);
    copySlots.push(slot);
    slots[slot].push(multiplyDim(shape[0], rowBytes));
    copies = copies.filter((copy) => copy.slot !== slot);
    const value =
      values.push({ kind: 'slot', slot, shape: [shape[0], rowBytes / ELEMENT_BYTES], type: 'f32' }) - 1;
    instructions.push({ op: 'quantizeRows', inputs: [source], output: value, attributes: { kind } });
    const copy = { source, kind, value, slot };
    copies.push(copy);
    return copy;
  };

  for (let at = 0; at < program.instructions.length; ) {
    const run = [program.instructions[at]];
    while (MATMULS.has(run[0].op) && canJoin(program, run, program.instructions[at + run.length]))
      run.push(program.instructions[at + run.length]);
    at += run.length;
    const used: Copy[] = [];
    const ready = run.map((instruction) => {
      if (!MATMULS.has(instruction.op)) return instruction;
      const [x, matrix, ...rest] = instruction.inputs;
      const kind = format.kindFor((values[matrix] as { name: string }).name);
      if (kind === F32_ACTIVATIONS) return instruction;
      const copy =
        copies.find((known) => known.source === x && known.kind === kind) ??
        addCopy(x, kind, (slot) => used.some((other) => other.slot === slot));
      used.push(copy);
      return { ...instruction, inputs: [copy.value, matrix, ...rest] };
    });
    for (const instruction of ready) {
      instructions.push(instruction);
      const written = values[instruction.output];
      copies = copies.filter(({ source }) => {
        const value = values[source];
        return !(value.kind === 'slot' && written.kind === 'slot' && value.slot === written.slot);
      });
    }
  }
  return { ...program, values, slots, instructions };
}

/** Whether a product's rows exist before the products of `run`, so that they can be converted before the first. */
function canJoin({ values }: Program, run: readonly Instruction[], next: Instruction | undefined): boolean {
  if (next === undefined || !MATMULS.has(next.op)) return false;
  const slotOf = (id: ValueId): number => (values[id] as { slot?: number }).slot ?? -1;
  return run.every(({ output }) => slotOf(output) !== slotOf(next.inputs[0]));
}
