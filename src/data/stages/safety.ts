/** Unsafe and person-heavy domains go, personal data is masked or drops its document: docs/data-rules.md. */
import { readFile } from 'node:fs/promises';
import { checkSafety, DomainList, readSafetyConfig, type SafetyConfig } from '../filter/safety.ts';
import { numberOf, textOf } from '../plan/row.ts';
import { defineStage, type Emission, exclude, perDocument } from '../plan/stage.ts';

export const safetyStage = defineStage<SafetyConfig>({
  name: 'safety',
  version: 1,
  input: { doc_no: 'int', text: 'text' },
  output: (input) => input,
  configure: readSafetyConfig,
  files: ({ unsafeDomains, personDomains }) =>
    [unsafeDomains, personDomains].filter((file) => file !== undefined),
  async open(config, { resolve }) {
    const load = async (file: string | undefined): Promise<DomainList | undefined> =>
      file === undefined ? undefined : new DomainList(await readFile(resolve(file), 'utf8'));
    const [unsafe, persons] = await Promise.all([load(config.unsafeDomains), load(config.personDomains)]);
    const lists = { ...(unsafe && { unsafe }), ...(persons && { persons }) };
    return perDocument((row): Emission[] => {
      const url = typeof row.url === 'string' ? { url: row.url } : {};
      const { reason, text, masked } = checkSafety({ ...url, text: textOf(row, 'text') }, config, lists);
      if (reason) return [exclude(row, reason)];
      const doc_no = numberOf(row, 'doc_no');
      const masks = [...masked].map(([kind, value]) => ({
        removedLines: { doc_no, rule: `masked-${kind}`, value },
      }));
      return [{ row: { ...row, text } }, ...masks];
    });
  },
});
