/** Against Hugging Face tokenizers: numbers and recipe in test/golden/tokenizer-trainer. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { BpeTrainer, type TrainedBpe } from '../../src/text/bpe-trainer.ts';
import { QWEN2 } from '../../src/text/pre-tokenizer.ts';
import { readPreTokenizer } from '../../src/text/pre-tokenizer-json.ts';
import { tokenizerFromJson } from '../../src/text/tokenizer-json.ts';

const GOLDEN = new URL('../golden/tokenizer-trainer/', import.meta.url);

interface Expected {
  readonly merges: readonly string[];
  readonly sha256: string;
  readonly cases: readonly { text: string; ids: readonly number[]; decoded: string }[];
}

describe('BpeTrainer compared with Hugging Face tokenizers', () => {
  const expected = JSON.parse(readFileSync(new URL('expected.json', GOLDEN), 'utf8')) as Expected;
  let trained: TrainedBpe;
  beforeAll(async () => {
    const trainer = new BpeTrainer({ vocabSize: 900 });
    const lines = gunzipSync(readFileSync(new URL('corpus.jsonl.gz', GOLDEN))).toString('utf8');
    for (const line of lines.trimEnd().split('\n'))
      trainer.addText((JSON.parse(line) as { text: string }).text);
    trained = await trainer.train();
  });

  it('train() learns the same merges in the same order', () => {
    expect(trained.merges.map((merge) => merge.join(' '))).toEqual(expected.merges);
  });

  it('tokenizerJson() is the file that tokenizers was given to read', () => {
    expect(createHash('sha256').update(trained.tokenizerJson()).digest('hex')).toBe(expected.sha256);
  });

  it('tokenizerJson() gives this project the ids that it gave tokenizers', () => {
    const file = JSON.parse(trained.tokenizerJson());
    expect(readPreTokenizer(file.pre_tokenizer)).toEqual({ steps: QWEN2.steps, prefixSpace: false });
    const tokenizer = tokenizerFromJson({ tokenizerJson: file });
    for (const { text, ids, decoded } of expected.cases) {
      expect([...tokenizer.encode(text, { control: true })], JSON.stringify(text)).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(decoded);
    }
  });
});
