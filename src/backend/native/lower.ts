import type { Instruction, Program, Value, ValueId } from '../../compile/program.ts';
import type { StoredWeight } from '../../dtype/stored-weight.ts';
import { type Dim, multiplyDim } from '../../graph/dim.ts';

/** What a row of activations becomes before it meets weights of a type; the numbers of C++'s `Activation`. */
export const F32_ACTIVATIONS = 0;

export interface ActivationFormat {
  /** 0 f32, 1 int8 blocks of 32, 2 int8 blocks of 256. */
  kindFor(weight: StoredWeight): number;
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
 * Make the conversion of activations explicit: before a matrix product whose weights want int8 blocks stands one
 * `quantizeRows`, and products that read the same rows share it (query, key and value; gate and up; all experts).
 */
export function lowerToNative(
  program: Program,
  weights: ReadonlyMap<string, StoredWeight>,
  format: ActivationFormat,
): Program {
  const values: Value[] = [...program.values];
  const slots: (readonly Dim[])[] = [...program.slots];
  const instructions: Instruction[] = [];
  const pools = new Map<number, SlotPair>();
  let copies: Copy[] = [];

  const copyOf = (source: ValueId, kind: number): ValueId => {
    const known = copies.find((copy) => copy.source === source && copy.kind === kind);
    if (known) return known.value;
    const { shape } = values[source];
    const rowBytes = format.rowBytes(kind, shape[1] as number);
    let pool = pools.get(kind);
    if (!pool) {
      pool = new SlotPair(slots);
      pools.set(kind, pool);
    }
    const slot = pool.next(multiplyDim(shape[0], rowBytes));
    copies = copies.filter((copy) => copy.slot !== slot);
    const value =
      values.push({ kind: 'slot', slot, shape: [shape[0], rowBytes / ELEMENT_BYTES], type: 'f32' }) - 1;
    instructions.push({ op: 'quantizeRows', inputs: [source], output: value, attributes: { kind } });
    copies.push({ source, kind, value, slot });
    return value;
  };

  for (const instruction of program.instructions) {
    let { inputs } = instruction;
    if (MATMULS.has(instruction.op)) {
      const [x, matrix, ...rest] = inputs;
      const kind = format.kindFor(weights.get((values[matrix] as { name: string }).name) as StoredWeight);
      if (kind !== F32_ACTIVATIONS) inputs = [copyOf(x, kind), matrix, ...rest];
    }
    instructions.push({ ...instruction, inputs });
    const written = values[instruction.output];
    copies = copies.filter(({ source }) => {
      const value = values[source];
      return !(value.kind === 'slot' && written.kind === 'slot' && value.slot === written.slot);
    });
  }
  return { ...program, values, slots, instructions };
}

/** Two slots in turn, so that the rows of a block survive while those of its experts' inner rows are made. */
class SlotPair {
  private readonly slots: (readonly Dim[])[];
  private readonly pair: number[] = [];
  private turn = 0;

  constructor(slots: (readonly Dim[])[]) {
    this.slots = slots;
  }

  next(size: Dim): number {
    const index = this.turn++ % 2;
    if (this.pair.length <= index) this.pair.push(this.slots.push([]) - 1);
    const slot = this.pair[index];
    this.slots[slot] = [...this.slots[slot], size];
    return slot;
  }
}
