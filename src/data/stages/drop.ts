/** Removes the documents that an earlier query has found to be duplicates. Its input has a column `kept`, null for those that stay. */
import type { Row, Schema } from '../plan/row.ts';
import { defineStage, type Emission, exclude, perDocument } from '../plan/stage.ts';

export interface DropConfig {
  readonly rule: string;
}

export const dropStage = defineStage<DropConfig>({
  name: 'drop',
  version: 1,
  input: { doc_no: 'int', kept: 'int' },
  output: ({ kept: _, ...others }: Schema) => others,
  configure: (fields) => ({ rule: fields.string('rule') }),
  open: ({ rule }) =>
    perDocument((row): Emission => {
      const { kept, ...document } = row as Row & { kept: number | null };
      return kept === null ? { row: document } : exclude(row, { rule, kept });
    }),
});
