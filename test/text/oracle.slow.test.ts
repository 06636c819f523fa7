import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fixtureTokenizer, fixtureVocabulary } from './fixture.ts';
import { testStrings } from './strings.ts';

const golden = new URL('../golden/tokenizer/', import.meta.url);
const bytes = readFileSync(new URL('ids.bin', golden));
const recorded = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const facts: { strings: number; tokens: number } = JSON.parse(
  readFileSync(new URL('ids.json', golden), 'utf8'),
);

/** As `fnv1a` in record.py. */
function hashIds(ids: Int32Array): number {
  let hash = 0x811c9dc5;
  for (const id of ids) {
    for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ ((id >>> shift) & 0xff), 0x01000193);
  }
  return hash >>> 0;
}

function wellFormed(text: string): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(text));
}

describe('tokenizer against Hugging Face tokenizers, which trained the vocabulary', () => {
  const strings = testStrings(fixtureVocabulary());
  const tokenizer = fixtureTokenizer();
  const composing = fixtureTokenizer({ normalizer: 'nfc' });

  test('the recorded answers are for at least 20,000 strings of at least 10 kinds', () => {
    expect(strings.length).toBe(facts.strings);
    expect(recorded.length).toBe(facts.strings * 3);
    expect(strings.length).toBeGreaterThanOrEqual(20_000);
    expect(new Set(strings.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(10);
  });

  // The first wrong strings, so that a failure can be read.
  function differences(column: number, encode: (text: string) => Int32Array): string[] {
    const wrong: string[] = [];
    for (const [i, { kind, text }] of strings.entries()) {
      if (hashIds(encode(text)) === recorded[i * 3 + column]) continue;
      wrong.push(`${kind} ${i}: ${JSON.stringify(text.slice(0, 200))}`);
      if (wrong.length === 10) break;
    }
    return wrong;
  }

  test('encode() gives the same ids, with control tokens as text', () => {
    expect(differences(0, (text) => tokenizer.encode(text))).toEqual([]);
  });

  test('encode() gives the same ids, with control tokens recognised', () => {
    let numTokens = 0;
    const encode = (text: string) => {
      const ids = tokenizer.encode(text, { control: true });
      numTokens += ids.length;
      return ids;
    };
    expect(differences(1, encode)).toEqual([]);
    expect(numTokens).toBe(facts.tokens);
  });

  test('encode() gives the same ids after composing characters', () => {
    expect(differences(2, (text) => composing.encode(text, { control: true }))).toEqual([]);
  });

  test('decode() gives the text back, lone surrogates as U+FFFD', () => {
    for (const { text } of strings) {
      const decoded = tokenizer.decode(tokenizer.encode(text, { control: true }));
      if (decoded !== wellFormed(text)) expect(decoded).toBe(wellFormed(text));
    }
  });
});
