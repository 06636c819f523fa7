/** The bucket of each document in each band of its MinHash signature. */
import { hasHan, loadJieba } from '../dedup/dedup-tokens.ts';
import { type Minhasher, openMinhasher } from '../dedup/minhash.ts';
import { bandKeys } from '../dedup/signature.ts';
import { numberOf, textOf } from '../plan/row.ts';
import { defineStage, perDocument } from '../plan/stage.ts';

export interface MinhashConfig {
  readonly bands: number;
  readonly rows: number;
}

export const MINHASH_BANDS = { doc_no: 'int', buckets: 'int64s' } as const;

export const minhashBandsStage = defineStage<MinhashConfig>({
  name: 'minhash-bands',
  version: 1,
  input: { doc_no: 'int', text: 'text' },
  output: () => MINHASH_BANDS,
  budget: { timeMs: 10_000 },
  configure: (fields) => ({
    bands: fields.integer('bands', { fallback: 128, max: 1024 }),
    rows: fields.integer('rows', { fallback: 16, max: 64 }),
  }),
  open({ bands, rows }) {
    const numHashes = bands * rows;
    const plain = openMinhasher({ numHashes });
    // The Chinese dictionary is loaded by the first text that needs it.
    let chinese: Minhasher | undefined;
    return perDocument(async (row) => {
      const text = textOf(row, 'text');
      if (hasHan(text)) chinese ??= openMinhasher({ numHashes, segmenter: await loadJieba() });
      const keys = bandKeys((hasHan(text) && chinese ? chinese : plain).minima(text), bands);
      const words = new BigInt64Array(keys.buffer, keys.byteOffset, keys.length / 2);
      return { row: { doc_no: numberOf(row, 'doc_no'), buckets: [...words] } };
    });
  },
});
