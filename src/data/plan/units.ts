/** Cuts rows into the units of a stage: one document each, or one group. */
import type { Row } from './row.ts';

/** Rows that a stage processes together, and may be given up together. */
export type Unit = readonly Row[];

/** Documents, or with a `key` groups of neighbouring rows with the same value. */
export async function* unitsOf(rows: AsyncIterable<Row>, key: string | undefined): AsyncGenerator<Unit> {
  let group: Row[] = [];
  for await (const row of rows) {
    if (key === undefined) {
      yield [row];
      continue;
    }
    if (group.length > 0 && group[0][key] !== row[key]) {
      yield group;
      group = [];
    }
    group.push(row);
  }
  if (group.length > 0) yield group;
}

/** The rows of a unit, as a stage takes them. */
export async function* rowsOf(unit: Unit): AsyncGenerator<Row> {
  yield* unit;
}
