/**
 * Verdicts of our rules compared with those of datatrove's filters on the same texts.
 *
 *   python bench/peers/rule-texts.py CORPUS > DOCUMENTS.jsonl
 *   VENV/bin/python bench/peers/datatrove-rules.py < DOCUMENTS.jsonl > VERDICTS.jsonl
 *   node bench/rules-agreement.ts DOCUMENTS.jsonl VERDICTS.jsonl
 *
 * CSV on stdout, every document with different verdicts on stderr. Older versions of Node: bundle it first, as
 * bench/tokenizer.ts says.
 */
import { readFileSync } from 'node:fs';
import { FINEWEB_DOCUMENTS } from '../src/data/filter/c4-rules.ts';
import { type DocumentFacts, FactsMaker } from '../src/data/filter/document-facts.ts';
import { GOPHER_QUALITY, GOPHER_REPETITION } from '../src/data/filter/gopher-rules.ts';
import type { DocumentRule } from '../src/data/filter/rule.ts';
import { ruleConfig } from '../src/data/filter/rule-config.ts';
import { checkRule, RuleFilter, type RuleReason } from '../src/data/filter/run-rules.ts';

const [documents, verdicts] = process.argv.slice(2).map((file) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Readonly<Record<string, string | null>>),
);
const theirs = new Map(verdicts.map((verdict) => [verdict.id, verdict]));
const { stopWords } = ruleConfig();
const first = (rules: readonly DocumentRule[], facts: DocumentFacts): RuleReason | undefined => {
  for (const rule of rules) {
    const reason = checkRule(rule, facts, { stopWords, removedShare: 0 });
    if (reason) return reason;
  }
  return undefined;
};
const maker = new FactsMaker();
const withEndMarks = new RuleFilter(ruleConfig({ families: ['c4'], on: ['line-has-no-end-mark'] }));
const withoutEndMarks = new RuleFilter(ruleConfig({ families: ['c4'] }));
const OURS: Readonly<Record<string, (text: string) => RuleReason | undefined>> = {
  'gopher-repetition': (text) => first(GOPHER_REPETITION, maker.factsOf({ text, language: 'en' })),
  'gopher-quality': (text) => first(GOPHER_QUALITY, maker.factsOf({ text, language: 'en' })),
  c4: (text) => withEndMarks.filter({ text, language: 'en' }).reason,
  'c4-lines': (text) => withoutEndMarks.filter({ text, language: 'en' }).reason,
  fineweb: (text) => first(FINEWEB_DOCUMENTS, maker.factsOf({ text, language: 'en' })),
};

console.log(
  'filter,documents,removed by datatrove,removed by dots.ts,different,different and not empty,agreement %',
);
for (const [filter, verdictOf] of Object.entries(OURS)) {
  const count = { documents: 0, theirs: 0, ours: 0, different: 0, notEmpty: 0 };
  for (const { id, text } of documents) {
    const their = theirs.get(id ?? '')?.[filter];
    if (their === undefined || text === null) continue;
    const our = verdictOf(text);
    count.documents++;
    if (their !== null) count.theirs++;
    if (our) count.ours++;
    if ((their === null) === (our === undefined)) continue;
    count.different++;
    // Ours has a rule of its own for these, in another family: empty-text.
    if (text !== '') count.notEmpty++;
    console.error(`${id} ${filter}: datatrove ${their ?? 'keeps it'}, dots.ts ${our?.rule ?? 'keeps it'}`);
  }
  const agreement = (100 * (1 - count.notEmpty / Math.max(1, count.documents))).toFixed(3);
  console.log([filter, ...Object.values(count), agreement].join(','));
}
