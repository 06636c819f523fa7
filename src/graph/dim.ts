import { InternalError } from '../core/errors.ts';

/**
 * One axis length: a number known when the graph is traced, or a multiple of a symbol that is bound at every run.
 * `T` is the number of tokens in a step, so `R` (routed rows) is `6T` where six experts are used for a token.
 */
export type Dim = number | SymbolicDim;

export interface SymbolicDim {
  readonly symbol: string;
  readonly times: number;
}

export type Shape = readonly Dim[];

/** Values for the symbols: `{ T: 17, O: 1 }`. */
export type Bindings = Readonly<Record<string, number>>;

export function symbol(name: string): SymbolicDim {
  return { symbol: name, times: 1 };
}

export function multiplyDim(dim: Dim, factor: number): Dim {
  return typeof dim === 'number' ? dim * factor : { symbol: dim.symbol, times: dim.times * factor };
}

export function sameDim(a: Dim, b: Dim): boolean {
  if (typeof a === 'number' || typeof b === 'number') return a === b;
  return a.symbol === b.symbol && a.times === b.times;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => sameDim(dim, b[i]));
}

/** The product of all axes. At most one of them may be symbolic: nothing in this model is quadratic in a symbol. */
export function numElements(shape: Shape): Dim {
  let product: Dim = 1;
  for (const dim of shape) {
    if (typeof product === 'number') product = multiplyDim(dim, product);
    else if (typeof dim === 'number') product = multiplyDim(product, dim);
    else throw new InternalError(`shape ${formatShape(shape)} has two symbolic axes`);
  }
  return product;
}

export function evaluateDim(dim: Dim, bindings: Bindings): number {
  if (typeof dim === 'number') return dim;
  const value = bindings[dim.symbol];
  if (value === undefined) throw new InternalError(`the symbol ${dim.symbol} is not bound`);
  return value * dim.times;
}

export function evaluateShape(shape: Shape, bindings: Bindings): number[] {
  return shape.map((dim) => evaluateDim(dim, bindings));
}

/** `128`, `T`, `6T`. */
function formatDim(dim: Dim): string {
  if (typeof dim === 'number') return String(dim);
  return dim.times === 1 ? dim.symbol : `${dim.times}${dim.symbol}`;
}

/** `[T,32,128]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.map(formatDim).join(',')}]`;
}
