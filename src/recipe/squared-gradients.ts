/**
 * Mean squares of gradients, [rows, columns] of each matrix of a tensor, as the product of a factor for each row and one for
 * each column. Single elements are as noisy as the square of one random number; rows and columns are means over many.
 */
import type { NamedShape } from '../quantize/stock-mixes.ts';

/** Squares that were added up, of one tensor. */
export class SquaredGradients {
  /** [matrices, rows] and [matrices, columns]; each sums up to all squares of its matrix. */
  readonly rows: Float64Array;
  readonly columns: Float64Array;
  readonly numMatrices: number;
  readonly numRows: number;
  readonly numColumns: number;

  constructor({ shape }: Pick<NamedShape, 'shape'>) {
    this.numColumns = shape[shape.length - 1];
    this.numMatrices = shape.length > 2 ? shape[0] : 1;
    this.numRows = shape.reduce((a, b) => a * b, 1) / this.numColumns / this.numMatrices;
    this.rows = new Float64Array(this.numMatrices * this.numRows);
    this.columns = new Float64Array(this.numMatrices * this.numColumns);
  }

  /** Adds `factor` · gradient². */
  add(gradient: Float32Array, factor: number): void {
    const { rows, columns, numRows, numColumns } = this;
    for (let row = 0; row < rows.length; row++) {
      const start = row * numColumns;
      const column = Math.floor(row / numRows) * numColumns;
      let sum = 0;
      for (let j = 0; j < numColumns; j++) {
        const square = factor * gradient[start + j] * gradient[start + j];
        columns[column + j] += square;
        sum += square;
      }
      rows[row] += sum;
    }
  }

  scale(factor: number): void {
    for (const sums of [this.rows, this.columns]) for (let i = 0; i < sums.length; i++) sums[i] *= factor;
  }

  /** Sum over the elements of a matrix. */
  total(matrix: number): number {
    let sum = 0;
    for (let row = matrix * this.numRows; row < (matrix + 1) * this.numRows; row++) sum += this.rows[row];
    return sum;
  }
}
