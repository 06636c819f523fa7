import type { RowEncoder } from '../dtype/row-encoder.ts';

/** Sums over values that were encoded. */
export interface ErrorSums {
  readonly squares: number;
  readonly errorSquares: number;
}

/** Values of each piece of a tensor that are decoded again: an error of many thousand values is known to a percent. */
const SAMPLE_ELEMENTS = 1 << 14;

/** An encoder that also says how far the first rows of each piece are from what they were. `onSums` gets the sums so far. */
export function measuredEncoder(encoder: RowEncoder, onSums: (sums: ErrorSums) => void): RowEncoder {
  let squares = 0;
  let errorSquares = 0;
  return {
    async encodeRows(type, values, numColumns, importance) {
      const bytes = await encoder.encodeRows(type, values, numColumns, importance);
      const numRows = Math.min(values.length / numColumns, Math.ceil(SAMPLE_ELEMENTS / numColumns));
      const decoded = new Float32Array(numRows * numColumns);
      type.decode(bytes, 0, decoded, 0, decoded.length);
      for (const [i, value] of decoded.entries()) {
        squares += values[i] ** 2;
        errorSquares += (values[i] - value) ** 2;
      }
      onSums({ squares, errorSquares });
      return bytes;
    },
  };
}

/** Root mean square of the errors, as a part of that of the values. */
export function relativeError(...sums: readonly ErrorSums[]): number {
  const total = (key: keyof ErrorSums): number => sums.reduce((sum, part) => sum + part[key], 0);
  return total('squares') === 0 ? 0 : Math.sqrt(total('errorSquares') / total('squares'));
}
