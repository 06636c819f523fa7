/** What each tensor costs in each type: bytes, and the errors that its encoder leaves, weighed by the sensitivities. */

import { plainEncoder } from '../convert/encode-runs.ts';
import { type StorageType, storageBytes, storageTypeByName } from '../dtype/index.ts';
import type { RowEncoder } from '../dtype/row-encoder.ts';
import type { WeightSpec } from '../model/architecture.ts';
import { type ImportanceMatrix, importanceOf } from '../quantize/importance-matrix.ts';
import type { NamedShape } from '../quantize/stock-mixes.ts';
import type { Choice, TensorChoices } from './predicted-divergence.ts';
import type { Sensitivities } from './sensitivities.ts';
import { SquaredGradients } from './squared-gradients.ts';

/**
 * What a tensor may be stored as: every type that llama.cpp reads and that is the best for its size on some matrix. Left out are
 * ternary types and single bits, which only models trained for them survive.
 */
export const CANDIDATE_TYPES: readonly string[] = [
  ...['iq1_s', 'iq1_m', 'iq2_xxs', 'iq2_xs', 'iq2_s', 'q2_k', 'iq3_xxs', 'iq3_s', 'q3_k'],
  ...['iq4_xs', 'iq4_nl', 'mxfp4', 'q4_0', 'q4_k', 'q4_1', 'q5_0', 'q5_k', 'q5_1', 'q6_k', 'q8_0', 'f16'],
];

/** Encodes rows of one of a tensor's matrices. */
export interface TensorEncoder {
  encode(spec: WeightSpec, type: StorageType, values: Float32Array, matrix: number): Promise<Uint8Array>;
}

export function tensorEncoder(encoder: RowEncoder, importance: ImportanceMatrix): TensorEncoder {
  const plain = plainEncoder();
  const rows = new Map<string, readonly Float32Array[] | undefined>();
  return {
    async encode({ gguf, shape }, type, values, matrix) {
      if (!rows.has(gguf)) rows.set(gguf, importanceOf(importance, { name: gguf, shape })?.rows);
      const known = rows.get(gguf);
      const columns = shape[shape.length - 1];
      if (type.isFloat) return await plain.encodeRows(type, values, columns);
      return await encoder.encodeRows(type, values, columns, known?.[known.length > 1 ? matrix : 0]);
    },
  };
}

/** Values of a tensor that are encoded to learn what a type does to it: its error is then known to about a percent. */
const SAMPLE_ELEMENTS = 1 << 18;
const LEAST_ROWS = 4;

export interface CostOptions {
  readonly sensitivities: Sensitivities;
  /** Margins that count, by layer. */
  readonly layers: readonly number[];
  readonly encoder: TensorEncoder;
  readonly importance: ImportanceMatrix;
  /** What a tensor may be stored as. */
  readonly typesFor: (tensor: NamedShape) => readonly string[];
  readonly signal?: AbortSignal;
}

/** Values of a row, counted over all matrices of a tensor. */
export type RowReader = (row: number) => Float32Array | Promise<Float32Array>;

/** Rows of a tensor in memory. */
export function rowsOf(values: Float32Array, { shape }: Pick<WeightSpec, 'shape'>): RowReader {
  const numColumns = shape[shape.length - 1];
  return (row) => values.subarray(row * numColumns, (row + 1) * numColumns);
}

/** Choices of one tensor, those left out that are larger than another and not better in anything. */
export async function choicesOf(
  spec: WeightSpec,
  readRow: RowReader,
  { sensitivities, layers, encoder, importance, typesFor, signal }: CostOptions,
): Promise<TensorChoices> {
  const { gguf: name, shape, numChosen } = spec;
  const numColumns = shape[shape.length - 1];
  const likelihood = sensitivities.likelihood.get(spec.name) ?? new SquaredGradients(spec);
  const margins = layers.map((layer) =>
    sensitivities.margins.find((margin) => margin.layer === layer)?.squares.get(spec.name),
  );
  const inputs = inputSquares(spec, importance);
  const views = [likelihood, ...margins, inputs];
  const sample = await sampleRows(likelihood, readRow);
  const readShare = numChosen === undefined ? 1 : numChosen / shape[0];
  const choices: Choice[] = [];
  for (const type of typesFor({ name, shape }).map(storageTypeByName)) {
    if (numColumns % type.blockElements !== 0) continue;
    signal?.throwIfAborted();
    const sums = views.map(() => 0);
    for (const [matrix, { rows, before }] of sample.entries()) {
      const bytes = await encoder.encode(spec, type, before, matrix);
      const after = new Float32Array(before.length);
      type.decode(bytes, 0, after, 0, after.length);
      for (const [k, view] of views.entries())
        if (view) sums[k] += weightedError(view, matrix, rows, before, after);
    }
    const bytes = storageBytes(
      type,
      shape.reduce((a, b) => a * b, 1),
    );
    choices.push({
      type,
      bytes,
      readBytes: readShare * bytes,
      likelihood: sums[0] / 2,
      variances: Float64Array.from(margins, (_, l) => sums[1 + l]),
      outputError: sums[sums.length - 1],
    });
  }
  return { name, shape, choices: withoutDominated(choices) };
}

interface SampledRows {
  readonly rows: readonly number[];
  readonly before: Float32Array;
}

/** Rows spread evenly over each matrix. */
async function sampleRows(
  { numMatrices, numRows, numColumns }: SquaredGradients,
  readRow: RowReader,
): Promise<SampledRows[]> {
  const perMatrix = Math.max(LEAST_ROWS, Math.floor(SAMPLE_ELEMENTS / numColumns / numMatrices));
  const count = Math.min(numRows, perMatrix);
  const found: SampledRows[] = [];
  for (let matrix = 0; matrix < numMatrices; matrix++) {
    const rows = Array.from({ length: count }, (_, k) => Math.floor(((k + 0.5) * numRows) / count));
    const before = new Float32Array(count * numColumns);
    for (const [k, row] of rows.entries()) before.set(await readRow(matrix * numRows + row), k * numColumns);
    found.push({ rows, before });
  }
  return found;
}

/** Σ square of gradient · square of error over a matrix, from some of its rows. */
function weightedError(
  squares: SquaredGradients,
  matrix: number,
  rows: readonly number[],
  before: Float32Array,
  after: Float32Array,
): number {
  const { numColumns, numRows } = squares;
  const total = squares.total(matrix);
  if (total === 0) return 0;
  const column = matrix * numColumns;
  let [sum, weight, errors] = [0, 0, 0];
  for (const [k, row] of rows.entries()) {
    let error = 0;
    for (let j = 0; j < numColumns; j++) {
      const difference = after[k * numColumns + j] - before[k * numColumns + j];
      error += squares.columns[column + j] * difference * difference;
    }
    const factor = squares.rows[matrix * numRows + row];
    sum += factor * error;
    weight += factor;
    errors += error / rows.length;
  }
  // Of a table, the rows of the sample may all belong to tokens that the text does not have.
  return weight > 0 ? sum / weight : errors;
}

/** What a weight multiplies, as if all outputs counted the same: what a quantiser knows without gradients. */
function inputSquares(spec: WeightSpec, importance: ImportanceMatrix): SquaredGradients | undefined {
  const found = importanceOf(importance, { name: spec.gguf, shape: spec.shape });
  const squares = new SquaredGradients(spec);
  const { numMatrices, numRows, numColumns } = squares;
  const counts = importance.entries.get(spec.gguf)?.counts;
  const tokens = counts && counts.length === numMatrices ? counts : new Float32Array(numMatrices).fill(1);
  const allTokens = tokens.reduce((a, b) => a + b, 0);
  for (let matrix = 0; matrix < numMatrices; matrix++) {
    const row = found?.rows[found.rows.length > 1 ? matrix : 0];
    const share = numMatrices === 1 ? 1 : ((spec.numChosen ?? 1) * tokens[matrix]) / Math.max(1, allTokens);
    for (let j = 0; j < numColumns; j++)
      squares.columns[matrix * numColumns + j] = share * numRows * (row?.[j] ?? 1);
    let total = 0;
    for (let j = 0; j < numColumns; j++) total += squares.columns[matrix * numColumns + j];
    squares.rows.fill(total / numRows, matrix * numRows, (matrix + 1) * numRows);
  }
  return squares;
}

function withoutDominated(choices: readonly Choice[]): Choice[] {
  const sorted = [...choices].sort((a, b) => a.bytes - b.bytes);
  return sorted.filter(
    (choice, i) => !sorted.some((other, k) => k !== i && isAtLeastAsGood(other, choice, k < i)),
  );
}

/** Where both are alike in everything, one of them stays. */
function isAtLeastAsGood(a: Choice, b: Choice, isFirst: boolean): boolean {
  const pairs: readonly (readonly [number, number])[] = [
    [a.bytes, b.bytes],
    [a.likelihood, b.likelihood],
    [a.outputError, b.outputError],
    ...Array.from(a.variances, (variance, l) => [variance, b.variances[l]] as const),
  ];
  if (pairs.some(([x, y]) => x > y)) return false;
  return isFirst || pairs.some(([x, y]) => x < y);
}
