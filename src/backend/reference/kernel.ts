import type { Attributes } from '../../graph/tensor.ts';
import type { Cells } from './cells.ts';
import type { WeightRows } from './weight-rows.ts';

/** One operand of an instruction, ready to be read or written. */
export type Operand =
  | { readonly kind: 'floats'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly kind: 'integers'; readonly shape: readonly number[]; readonly data: Int32Array }
  | { readonly kind: 'weight'; readonly shape: readonly number[]; readonly rows: WeightRows }
  | { readonly kind: 'cells'; readonly shape: readonly number[]; readonly cells: Cells };

/** The operands of one instruction. Accessors assume what `infer` has checked. */
export class KernelCall {
  private readonly inputs: readonly Operand[];
  private readonly result: Operand;
  private readonly attributes: Attributes;

  constructor(inputs: readonly Operand[], result: Operand, attributes: Attributes) {
    this.inputs = inputs;
    this.result = result;
    this.attributes = attributes;
  }

  /** Values of an input; a weight (of one row) is decoded. */
  floats(index: number): Float32Array {
    const operand = this.inputs[index];
    return operand.kind === 'weight' ? operand.rows.row(0) : (operand as { data: Float32Array }).data;
  }

  /** The same where the op was given so many operands. */
  optionalFloats(index: number): Float32Array | undefined {
    return index < this.inputs.length ? this.floats(index) : undefined;
  }

  integers(index: number): Int32Array {
    return (this.inputs[index] as { data: Int32Array }).data;
  }

  /** An operand's elements whatever their type, for kernels that only move them. */
  bits(index: number): Int32Array {
    return bitsOf(this.inputs[index]);
  }

  get outputBits(): Int32Array {
    return bitsOf(this.result);
  }

  /** A matrix, row by row: a weight, or a computed tensor. */
  rows(index: number): (row: number) => Float32Array {
    const operand = this.inputs[index];
    if (operand.kind === 'weight') return (row) => operand.rows.row(row);
    const { data, shape } = operand as { data: Float32Array; shape: readonly number[] };
    const width = shape[shape.length - 1];
    return (row) => data.subarray(row * width, (row + 1) * width);
  }

  cells(index: number): Cells {
    return (this.inputs[index] as { cells: Cells }).cells;
  }

  shape(index: number): readonly number[] {
    return this.inputs[index].shape;
  }

  get output(): Float32Array {
    return (this.result as { data: Float32Array }).data;
  }

  get outputIntegers(): Int32Array {
    return (this.result as { data: Int32Array }).data;
  }

  get outputShape(): readonly number[] {
    return this.result.shape;
  }

  number(name: string): number {
    return this.attributes[name] as number;
  }

  /** False where the attribute is absent. */
  flag(name: string): boolean {
    return this.attributes[name] === true;
  }
}

function bitsOf(operand: Operand): Int32Array {
  const { buffer, byteOffset, length } = (operand as { data: Float32Array | Int32Array }).data;
  return new Int32Array(buffer, byteOffset, length);
}

export type Kernel = (call: KernelCall) => void;
