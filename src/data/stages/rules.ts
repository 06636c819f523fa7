/** Rules of Gopher, C4, FineWeb, RefinedWeb and of the report's families: docs/data-rules.md. */
import type { RuleDocument } from '../filter/document-facts.ts';
import { type RuleFields, readRuleFields, ruleConfig } from '../filter/rule-config.ts';
import { RuleFilter } from '../filter/run-rules.ts';
import { numberOf, type Row, textOf } from '../plan/row.ts';
import { defineStage, type Emission, exclude, perDocument } from '../plan/stage.ts';

export const rulesStage = defineStage<RuleFields>({
  name: 'rules',
  version: 1,
  input: { doc_no: 'int', text: 'text' },
  output: (input) => input,
  configure: readRuleFields,
  open(fields) {
    const filter = new RuleFilter(ruleConfig(fields));
    return perDocument((row): Emission[] => {
      const { reason, text, removedLines, close } = filter.filter(documentOf(row));
      if (reason) return [exclude(row, reason)];
      const doc_no = numberOf(row, 'doc_no');
      return [
        { row: { ...row, text } },
        ...removedLines.map((lines) => ({ removedLines: { doc_no, ...lines } })),
        ...(close ? [{ close: { doc_no, ...close } }] : []),
      ];
    });
  },
});

/** Columns that are not there, or null, are unknown to the rules. */
function documentOf(row: Row): RuleDocument {
  const optional = (column: string, name: 'url' | 'title' | 'language') =>
    typeof row[column] === 'string' ? { [name]: row[column] } : {};
  return {
    text: textOf(row, 'text'),
    ...optional('url', 'url'),
    ...optional('title', 'title'),
    ...optional('lang', 'language'),
  };
}
