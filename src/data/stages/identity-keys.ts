/** The key of exact duplicates, MD5 of the normalised text, and the place of the document in a random order: the first one is kept. */
import { identityKey } from '../dedup/normalise.ts';
import { numberOf, textOf } from '../plan/row.ts';
import { defineStage, perDocument } from '../plan/stage.ts';
import { mix64 } from './mix64.ts';

export interface IdentityConfig {
  readonly seed: number;
}

export const IDENTITY_KEY = { doc_no: 'int', key: 'text', draw: 'int64' } as const;

export const identityKeysStage = defineStage<IdentityConfig>({
  name: 'identity-keys',
  version: 1,
  input: { doc_no: 'int', text: 'text' },
  output: () => IDENTITY_KEY,
  configure: (fields) => ({ seed: fields.integer('seed', { fallback: 0, min: 0 }) }),
  open: ({ seed }) =>
    perDocument((row) => {
      const doc_no = numberOf(row, 'doc_no');
      const draw = mix64(BigInt(doc_no), BigInt(seed));
      return { row: { doc_no, key: identityKey(textOf(row, 'text')), draw } };
    }),
});
