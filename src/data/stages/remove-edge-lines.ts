/** Deletes the lines that a query has found to be repeated too often. Its input has a column `positions`, null where nothing goes. */
import { edgeLines, withoutLines } from '../dedup/edge-lines.ts';
import { numberOf, type Row, type Schema, textOf } from '../plan/row.ts';
import { defineStage, type Emission, exclude, perDocument } from '../plan/stage.ts';
import type { EdgeLineConfig } from './edge-line-rows.ts';

export const removeEdgeLinesStage = defineStage<EdgeLineConfig>({
  name: 'remove-edge-lines',
  version: 1,
  input: { doc_no: 'int', text: 'text', positions: 'ints' },
  output: ({ positions: _, ...others }: Schema) => others,
  configure: () => ({ lines: 5, maxOccurrences: 200 }),
  open: ({ lines, maxOccurrences }) =>
    perDocument((row): Emission | Emission[] => {
      const { positions, ...document } = row as Row & { positions: readonly number[] | null };
      if (positions === null) return { row: document };
      const text = textOf(row, 'text');
      const repeated = edgeLines(text, lines).filter(({ position }) => positions.includes(position));
      const rest = withoutLines(text, repeated);
      const doc_no = numberOf(row, 'doc_no');
      const detail = repeated
        .map(({ start, end }) => text.slice(start, end))
        .join('\n')
        .slice(0, 500);
      const reason = { rule: 'repeated-line', value: repeated.length, limit: maxOccurrences, detail };
      if (rest.trim() === '') return exclude(row, { ...reason, rule: 'only-repeated-lines' });
      return [{ row: { ...document, text: rest } }, { removedLines: { doc_no, ...reason } }];
    }),
});
