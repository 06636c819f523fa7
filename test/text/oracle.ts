/** The recorded answers of Hugging Face tokenizers, and how to compare with them. */
import { readFileSync } from 'node:fs';
import { fixtureVocabulary } from './fixture.ts';
import { type TestString, testStrings } from './strings.ts';

/** What the three recorded hashes of each string are of. */
export const CONTROL_AS_TEXT = 0;
export const CONTROL_RECOGNISED = 1;
export const COMPOSED = 2;

const GOLDEN = new URL('../golden/tokenizer/', import.meta.url);

export const strings: readonly TestString[] = testStrings(fixtureVocabulary());

/** How many strings were recorded, and their tokens with control tokens recognised. */
export const facts: { readonly strings: number; readonly tokens: number } = JSON.parse(
  readFileSync(new URL('ids.json', GOLDEN), 'utf8'),
);

const bytes = readFileSync(new URL('ids.bin', GOLDEN));
export const recorded = new Uint32Array(
  bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
);

/** As `fnv1a` in record.py. */
export function hashIds(ids: Iterable<number>): number {
  let hash = 0x811c9dc5;
  for (const id of ids) {
    for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ ((id >>> shift) & 0xff), 0x01000193);
  }
  return hash >>> 0;
}

/** The first strings among every `step`-th whose ids differ from the recorded ones, so that a failure can be read. */
export function differences(column: number, encode: (text: string) => Int32Array, step = 1): string[] {
  const wrong: string[] = [];
  for (let i = 0; i < strings.length && wrong.length < 10; i += step) {
    const { kind, text } = strings[i];
    if (hashIds(encode(text)) === recorded[i * 3 + column]) continue;
    wrong.push(`${kind} ${i}: ${JSON.stringify(text.slice(0, 200))}`);
  }
  return wrong;
}
