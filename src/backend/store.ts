import { ShapeError } from '../core/errors.ts';

export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * f32 tensors that outlive runs and executables: parameters, their gradients, optimiser state. Programs that
 * were loaded with the store read and write them; so may the caller, between runs.
 */
export interface Store {
  readonly names: readonly string[];
  readonly sizeBytes: number;
  /** Undefined for a name that the store lacks. Throws `InternalError` once it is closed. */
  shape(name: string): readonly number[] | undefined;
  /** The memory itself, not a copy. Throws `InternalError` for a name that the store lacks, or once it is closed. */
  array(name: string): Float32Array;
  /** Frees the memory: arrays that were given out are empty from then on. */
  close(): void;
}

/** Throws `ShapeError` where a program knows a tensor of the store under another shape. */
export function checkStored(name: string, stored: readonly number[], wanted: readonly number[]): void {
  if (stored.length === wanted.length && stored.every((size, axis) => size === wanted[axis])) return;
  throw new ShapeError(
    `The tensor ${name} is [${stored}] in the store, but the program expects [${wanted}]`,
    {
      code: 'shape-mismatch',
      hint: 'the parameters belong to a model of another configuration',
    },
  );
}
