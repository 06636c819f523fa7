/** Language identification: keeps documents whose language is certain enough, and of the languages that are named. */
import { textOf } from '../plan/row.ts';
import { defineStage, type Emission, exclude, perDocument } from '../plan/stage.ts';
import { loadLanguageModel } from './identify-language.ts';

export interface LidConfig {
  readonly minScore: number;
  /** Empty: all. */
  readonly languages: readonly string[];
}

/** Kept documents whose probability is this near to the limit are shown in reports. */
const CLOSE = 0.05;

export const lidStage = defineStage<LidConfig>({
  name: 'lid',
  version: 1,
  input: { doc_no: 'int', text: 'text' },
  output: (input) => ({ ...input, lang: 'text', lang_score: 'float' }),
  configure: (fields) => ({
    minScore: fields.number('minScore', { fallback: 0.65, max: 1 }),
    languages: fields.strings('languages') ?? [],
  }),
  async open({ minScore, languages }) {
    const identify = await loadLanguageModel();
    return perDocument(async (row): Promise<Emission | Emission[]> => {
      const { code, probability } = await identify(textOf(row, 'text'));
      const value = Number(probability.toFixed(4));
      if (value < minScore)
        return exclude(row, { rule: 'uncertain-language', value, limit: minScore, detail: code });
      if (languages.length > 0 && !languages.includes(code))
        return exclude(row, { rule: 'other-language', detail: code });
      const kept: Emission = { row: { ...row, lang: code, lang_score: value } };
      if (value >= minScore + CLOSE) return kept;
      const doc_no = row.doc_no as number;
      return [kept, { close: { doc_no, rule: 'uncertain-language', value, limit: minScore, detail: code } }];
    });
  },
});
