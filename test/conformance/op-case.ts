import { Random } from '../../src/core/random.ts';
import { storageTypeByName } from '../../src/dtype/index.ts';
import { type StorageType, storageBytes } from '../../src/dtype/storage-type.ts';
import type { Bindings, Shape } from '../../src/graph/dim.ts';
import { symbol } from '../../src/graph/dim.ts';
import type { GraphBuilder, Tensor } from '../../src/graph/tensor.ts';

/** What one file of `cases/` exports: an op's cases, each with the answer of a definition that shares no code with `src/`. */
export interface OpSuite {
  readonly cases: readonly OpCase[];
  /** Calls that the op must refuse with a `ShapeError` that begins with its name. */
  readonly refuses: Readonly<Record<string, (graph: GraphBuilder) => Tensor>>;
}

export interface OpCase {
  readonly name: string;
  readonly operands: readonly Operand[];
  /** The call under test; `tensors` are the operands in order. */
  readonly build: (tensors: readonly Tensor[]) => Tensor;
  readonly bindings: Bindings;
  /** The op's output, and after it what the stored operands hold afterwards, in their order. */
  readonly expected: ArrayLike<number>;
  /** Largest difference of the reference from `expected`, as a part of the largest expected magnitude. */
  readonly tolerance?: number;
  /** Largest difference of another backend from the reference, in the same measure. */
  readonly backendTolerance?: number;
  /** The tokens are given in several runs of these sizes: for ops with state. */
  readonly steps?: readonly number[];
  /** Step of central differences; for inputs near which the op bends more sharply than elsewhere. */
  readonly differenceStep?: number;
  /** How states store their cells. */
  readonly stateType?: string;
}

export type Operand =
  /** Floats that an earlier instruction computed. */
  | { readonly kind: 'rows'; readonly shape: Shape; readonly data: Float32Array }
  | { readonly kind: 'integers'; readonly shape: Shape; readonly data: Int32Array }
  /** Floats as a file stores them; `data` is what they decode to. */
  | {
      readonly kind: 'weight';
      readonly shape: readonly number[];
      readonly data: Float32Array;
      readonly bytes: Uint8Array;
      readonly type: StorageType;
    }
  | { readonly kind: 'state'; readonly shape: Shape }
  /** A state in a store, with what it holds before. */
  | { readonly kind: 'stored'; readonly shape: readonly number[]; readonly data: Float32Array }
  /** Floats that come from outside with every run. */
  | { readonly kind: 'floats'; readonly shape: Shape; readonly data: Float32Array };

export const T = symbol('T');

export function rows(shape: Shape, data: ArrayLike<number>): Operand {
  return { kind: 'rows', shape, data: Float32Array.from(data) };
}

export function integers(shape: Shape, data: ArrayLike<number>): Operand {
  return { kind: 'integers', shape, data: Int32Array.from(data) };
}

export function state(shape: Shape): Operand {
  return { kind: 'state', shape };
}

export function stored(shape: readonly number[], data: ArrayLike<number>): Operand {
  return { kind: 'stored', shape, data: Float32Array.from(data) };
}

export function floats(shape: Shape, data: ArrayLike<number>): Operand {
  return { kind: 'floats', shape, data: Float32Array.from(data) };
}

/** A weight of any storage type; its values are rounded to the type before any definition sees them. */
export function weight(shape: readonly number[], data: ArrayLike<number>, typeName = 'f32') {
  const type = storageTypeByName(typeName);
  const values = Float32Array.from(data);
  const bytes = new Uint8Array(storageBytes(type, values.length));
  type.encodeRow?.(values, 0, bytes, 0, values.length);
  const decoded = new Float32Array(values.length);
  type.decode(bytes, 0, decoded, 0, values.length);
  return { kind: 'weight', shape, data: decoded, bytes, type } as const satisfies Operand;
}

/** Standard normal values, already rounded to f32. */
export function normals(random: Random, count: number): Float32Array {
  return Float32Array.from({ length: count }, () => random.normal());
}

/** Integers in [0, bound). */
export function choices(random: Random, count: number, bound: number): Int32Array {
  return Int32Array.from({ length: count }, () => random.below(bound));
}

/** For every row `k` different numbers in [0, bound), in random order: what a router chooses. */
export function distinctChoices(random: Random, numRows: number, k: number, bound: number): Int32Array {
  const chosen: number[] = [];
  for (let row = 0; row < numRows; row++) {
    const left = Array.from({ length: bound }, (_, i) => i);
    for (let slot = 0; slot < k; slot++) chosen.push(...left.splice(random.below(left.length), 1));
  }
  return Int32Array.from(chosen);
}

/** The same seeds in every run; each case gets a generator of its own. */
export function randomCases(count: number, make: (random: Random, index: number) => OpCase): OpCase[] {
  return Array.from({ length: count }, (_, index) => make(new Random(1000 + index), index));
}

/** An integer from `low` to `high`, both possible. */
export function between(random: Random, low: number, high: number): number {
  return low + random.below(high - low + 1);
}
