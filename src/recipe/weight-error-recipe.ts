/** Types for a budget without gradients: by the errors of outputs, for models that do not fit into memory. */
import { type ConvertSource, runsFor, type SourceWeight } from '../convert/convert-source.ts';
import { storageBytes } from '../dtype/index.ts';
import { isQuantised } from '../quantize/stock-mixes.ts';
import { outputErrorObjective, type TensorChoices } from './predicted-divergence.ts';
import { checkBudget, type SearchOptions, type Types, typesOf } from './search-recipe.ts';
import { type Budget, solveTypes } from './solve-types.ts';
import { type CostOptions, choicesOf, type RowReader } from './type-costs.ts';

/** Reads rows of one tensor after the other: memory does not grow with the model. */
export async function weightErrorRecipe(
  source: ConvertSource,
  {
    budget,
    signal,
    onProgress,
    ...encoding
  }: SearchOptions & Pick<CostOptions, 'encoder' | 'importance' | 'typesFor'> & { readonly budget: Budget },
): Promise<{ types: Types; shares: ReadonlyMap<string, number>; bytes: number; readBytes: number }> {
  const sensitivities = { likelihood: new Map(), margins: [] };
  const weights = source.weights.filter(({ spec: { gguf, shape } }) => isQuantised({ name: gguf, shape }));
  const tensors: TensorChoices[] = [];
  for (const [i, weight] of weights.entries()) {
    onProgress?.('encoding', i, weights.length);
    const options = { sensitivities, layers: [], ...encoding, ...(signal && { signal }) };
    tensors.push(await choicesOf(weight.spec, rowsIn(weight, source), options));
  }
  checkBudget(tensors, budget);
  const { assignment, totals } = solveTypes(tensors, budget, outputErrorObjective);
  const shares = new Map(
    tensors.map(({ name, choices }, i) => [
      name,
      choices[assignment[i]].outputError / (totals.outputError || 1),
    ]),
  );
  return { types: typesOf(tensors, assignment), shares, bytes: totals.bytes, readBytes: totals.readBytes };
}

function rowsIn(weight: SourceWeight, source: ConvertSource): RowReader {
  const { shape } = weight.spec;
  const numColumns = shape[shape.length - 1];
  const runs = runsFor(weight, source, 'gguf');
  return async (row) => {
    let first = 0;
    for (const { source: file, type, offset, numElements } of runs) {
      const rows = numElements / numColumns;
      if (row < first + rows) {
        const values = new Float32Array(numColumns);
        const start = offset + storageBytes(type, (row - first) * numColumns);
        type.decode(await file.read(start, storageBytes(type, numColumns)), 0, values, 0, numColumns);
        return values;
      }
      first += rows;
    }
    throw new RangeError(`there is no row ${row}`);
  };
}
