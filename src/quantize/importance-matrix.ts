/**
 * An importance matrix: how large the inputs of each weight matrix were over some text, column by column, and so how much an
 * error in that column of the weights costs. Experts have a row each, which only the tokens that went to them filled.
 */
import { FormatError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { NamedShape } from './stock-mixes.ts';

export interface ImportanceEntry {
  /** Sums of squares of the inputs, [matrices, columns]; one matrix where a weight is not stacked. */
  readonly sums: Float32Array;
  /** Tokens that went into each matrix, or one number for all of them: the old format has one count for all experts. */
  readonly counts: Float32Array;
}

export interface ImportanceMatrix {
  /** What errors call it. */
  readonly origin: string;
  /** Names of the texts. */
  readonly datasets: readonly string[];
  /** Pieces of text that were read, and tokens in each. */
  readonly numChunks: number;
  readonly chunkTokens: number;
  /** By the GGUF name of the weight. */
  readonly entries: ReadonlyMap<string, ImportanceEntry>;
}

/** The weights of errors in one tensor: a row of columns for each of its matrices. */
export interface TensorImportance {
  readonly rows: readonly Float32Array[];
  /** Experts that saw fewer than `FEW_TOKENS` tokens. */
  readonly unseen: readonly number[];
}

/**
 * An expert with fewer tokens than this gets the mean of all experts of its tensor as if the rest had gone there. A handful
 * of tokens says little about a column's size, and no token says nothing.
 */
export const FEW_TOKENS = 32;

/**
 * Means of squares for the columns of a tensor. Undefined where the matrix does not have the tensor; `FormatError` where it
 * has another shape, because it is then of another model.
 */
export function importanceOf(
  matrix: ImportanceMatrix,
  { name, shape }: NamedShape,
): TensorImportance | undefined {
  const entry = matrix.entries.get(name);
  if (!entry) return undefined;
  const columns = shape[shape.length - 1];
  const numMatrices = shape.length > 2 ? shape[0] : 1;
  const { sums, counts } = entry;
  if (sums.length !== columns * numMatrices || (counts.length !== 1 && counts.length !== numMatrices)) {
    throw new FormatError(
      `Cannot use the importance matrix ${matrix.origin}: "${name}" has ${formatCount(sums.length)} values there, and ` +
        `${formatCount(numMatrices * columns)} columns in this model`,
      { code: 'other-model', hint: 'it was made with another model; make one with `dots imatrix`' },
    );
  }
  const countOf = (i: number): number => counts[counts.length === 1 ? 0 : i];
  const pooled = pooledMeans(entry, numMatrices, columns);
  const rows: Float32Array[] = [];
  const unseen: number[] = [];
  for (let i = 0; i < numMatrices; i++) {
    const count = countOf(i);
    const missing = Math.max(0, FEW_TOKENS - count);
    // A count of chunks or of one token a chunk does not make us doubt the only row there is.
    const prior = numMatrices > 1 && counts.length > 1 ? missing : count > 0 ? 0 : 1;
    if (prior > 0) unseen.push(i);
    const row = new Float32Array(columns);
    for (let j = 0; j < columns; j++) row[j] = (sums[i * columns + j] + prior * pooled[j]) / (count + prior);
    rows.push(row);
  }
  return { rows, unseen };
}

/** Means over all tokens of all matrices; ones where there were none, so that every column counts the same. */
function pooledMeans({ sums, counts }: ImportanceEntry, numMatrices: number, columns: number): Float64Array {
  const means = new Float64Array(columns);
  const total = counts.reduce((a, b) => a + b, 0) * (counts.length === 1 ? numMatrices : 1);
  if (total === 0) return means.fill(1);
  for (let i = 0; i < sums.length; i++) means[i % columns] += sums[i] / total;
  return means;
}

/** Refuses values that no sum of squares can be, by name. */
export function checkEntries(matrix: ImportanceMatrix): ImportanceMatrix {
  for (const [name, { sums, counts }] of matrix.entries) {
    for (const [what, values] of [
      ['sum of squares', sums],
      ['count', counts],
    ] as const) {
      const at = values.findIndex((value) => !(value >= 0 && value < Number.POSITIVE_INFINITY));
      if (at < 0) continue;
      throw new FormatError(
        `Cannot use the importance matrix ${matrix.origin}: ${what} ${formatCount(at)} of "${name}" is ${values[at]}`,
        { code: 'bad-importance', hint: 'the run that made it went wrong; make it again' },
      );
    }
  }
  return matrix;
}

/** One matrix as if its text were all of theirs, one after the other. Throws `FormatError` if they are of different models. */
export function mergeImportance(matrices: readonly ImportanceMatrix[]): ImportanceMatrix {
  const [first, ...others] = matrices;
  const entries = new Map(first.entries);
  for (const { entries: more, origin } of others) {
    for (const [name, entry] of more) {
      const known = entries.get(name);
      entries.set(name, known ? addEntries(known, entry, name, [first.origin, origin]) : entry);
    }
  }
  return {
    origin: matrices.map(({ origin }) => origin).join(' + '),
    datasets: [...new Set(matrices.flatMap(({ datasets }) => datasets))],
    numChunks: matrices.reduce((sum, { numChunks }) => sum + numChunks, 0),
    chunkTokens: first.chunkTokens,
    entries,
  };
}

function addEntries(
  a: ImportanceEntry,
  b: ImportanceEntry,
  name: string,
  [of, and]: readonly [string, string],
): ImportanceEntry {
  const size = Math.max(a.counts.length, b.counts.length);
  const isAlike = [a, b].every(({ counts }) => counts.length === size || counts.length === 1);
  if (a.sums.length !== b.sums.length || !isAlike) {
    throw new FormatError(
      `Cannot merge ${of} and ${and}: "${name}" has ${formatCount(a.sums.length)} and ${formatCount(b.sums.length)} values`,
      { code: 'other-model', hint: 'merge matrices of one model only' },
    );
  }
  const count = ({ counts }: ImportanceEntry, i: number): number => counts[counts.length === 1 ? 0 : i];
  return {
    sums: a.sums.map((sum, i) => sum + b.sums[i]),
    counts: Float32Array.from({ length: size }, (_, i) => count(a, i) + count(b, i)),
  };
}
