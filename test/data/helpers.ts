import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { CounterRandom } from '../../src/core/counter-random.ts';
import type { DocumentStream, TrainingDocument } from '../../src/data/document-stream.ts';
import { ShuffledDocuments } from '../../src/data/document-stream.ts';
import { BpeTrainer } from '../../src/text/bpe-trainer.ts';
import type { Tokenizer } from '../../src/text/tokenizer.ts';
import { tokenizerFromJson } from '../../src/text/tokenizer-json.ts';

export const TEXTS = [
  'The little hen found a grain of wheat.',
  'Who will help me plant it? Not I, said the cat.',
  '小母鸡找到一粒麦子。',
  'Then I will do it myself, said the little red hen, and so she did. 她自己种了。',
  'Bread 面包 é😀',
];

export async function tinyTokenizer(): Promise<Tokenizer> {
  const trainer = new BpeTrainer({ vocabSize: 340 });
  for (const text of TEXTS) trainer.addText(text);
  return tokenizerFromJson({ tokenizerJson: JSON.parse((await trainer.train()).tokenizerJson()) });
}

/** A folder that is gone after the tests, and a function that writes a file into it. */
export function temporaryFolder(): {
  path: string;
  write: (name: string, data: string | Uint8Array) => string;
} {
  const path = mkdtempSync(join(tmpdir(), 'dots-data-'));
  afterAll(() => rmSync(path, { recursive: true }));
  return {
    path,
    write(name, data) {
      writeFileSync(join(path, name), data);
      return join(path, name);
    },
  };
}

export function jsonLines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

export function streamOf(documents: readonly TrainingDocument[], seed?: number): DocumentStream {
  const random = seed === undefined ? undefined : new CounterRandom(seed);
  return new ShuffledDocuments(documents.length, async (index) => documents[index], random);
}

/** Documents of the given lengths whose tokens encode document and place: 1000, 1001, 2000… */
export function numbered(...lengths: readonly number[]): TrainingDocument[] {
  return lengths.map((length, i) => ({
    tokens: Int32Array.from({ length }, (_, at) => (i + 1) * 1000 + at),
  }));
}
