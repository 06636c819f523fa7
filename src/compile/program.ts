import type { Bindings, Dim, Shape } from '../graph/dim.ts';
import { evaluateDim } from '../graph/dim.ts';
import type { Attributes, ElementType } from '../graph/tensor.ts';

/**
 * A compiled graph: flat, plain data, no functions. A backend needs nothing else to run it.
 *
 * Values are numbered. Sources (inputs, weights, states) are filled by the caller; every other value lies in a slot of
 * working memory that the planner shares between values whose lifetimes do not overlap. All elements take four bytes.
 */
export interface Program {
  readonly name: string;
  readonly values: readonly Value[];
  readonly instructions: readonly Instruction[];
  /** Working memory: the size of each slot in bytes is the largest of its alternatives. */
  readonly slots: readonly (readonly Dim[])[];
  readonly outputs: Readonly<Record<string, ValueId>>;
}

export type ValueId = number;

export type Value = SourceValue | SlotValue;

export interface SourceValue {
  readonly kind: 'input' | 'weight' | 'state';
  readonly name: string;
  readonly shape: Shape;
  readonly type: ElementType;
}

export interface SlotValue {
  readonly kind: 'slot';
  readonly slot: number;
  readonly shape: Shape;
  readonly type: ElementType;
}

export interface Instruction {
  readonly op: string;
  readonly inputs: readonly ValueId[];
  readonly output: ValueId;
  readonly attributes: Attributes;
}

export interface SlotLayout {
  /** Byte offset of each slot in one block of working memory. */
  readonly offsets: readonly number[];
  readonly sizeBytes: number;
}

/** Cache lines: no two slots share one, so threads that write neighbouring slots do not disturb each other. */
const SLOT_ALIGNMENT = 64;

/** Where each slot lies once the symbols are bound. */
export function layoutSlots(program: Program, bindings: Bindings): SlotLayout {
  let end = 0;
  const offsets = program.slots.map((alternatives) => {
    const offset = end;
    const sizeBytes = Math.max(...alternatives.map((dim) => evaluateDim(dim, bindings)));
    end += Math.ceil(sizeBytes / SLOT_ALIGNMENT) * SLOT_ALIGNMENT;
    return offset;
  });
  return { offsets, sizeBytes: end };
}
