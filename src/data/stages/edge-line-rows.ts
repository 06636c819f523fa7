/** The first and last lines of each document, to be counted over all documents. */
import { edgeLines } from '../dedup/edge-lines.ts';
import { numberOf, textOf } from '../plan/row.ts';
import { defineStage, perDocument } from '../plan/stage.ts';

export interface EdgeLineConfig {
  /** Lines at each end. */
  readonly lines: number;
  /** Occurrences of a line that stay. */
  readonly maxOccurrences: number;
}

export const EDGE_LINE = { doc_no: 'int', position: 'int', line: 'text' } as const;

export const edgeLineRowsStage = defineStage<EdgeLineConfig>({
  name: 'edge-line-rows',
  version: 1,
  input: { doc_no: 'int', text: 'text' },
  output: () => EDGE_LINE,
  configure: (fields) => ({
    lines: fields.integer('lines', { fallback: 5, max: 100 }),
    maxOccurrences: fields.integer('maxOccurrences', { fallback: 200 }),
  }),
  open: ({ lines }) =>
    perDocument((row) => {
      const doc_no = numberOf(row, 'doc_no');
      return edgeLines(textOf(row, 'text'), lines).map(({ position, hash }) => ({
        row: { doc_no, position, line: hash },
      }));
    }),
});
