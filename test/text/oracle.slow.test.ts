import { describe, expect, test } from 'vitest';
import { fixtureTokenizer } from './fixture.ts';
import {
  COMPOSED,
  CONTROL_AS_TEXT,
  CONTROL_RECOGNISED,
  differences,
  facts,
  recorded,
  strings,
} from './oracle.ts';

/** Lone surrogates as U+FFFD. */
function wellFormed(text: string): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(text));
}

describe('tokenizer against Hugging Face tokenizers, which trained the vocabulary', () => {
  const tokenizer = fixtureTokenizer();
  const composing = fixtureTokenizer({ normalizer: 'nfc' });

  test('the recorded answers are for at least 20,000 strings of at least 10 kinds', () => {
    expect(strings.length).toBe(facts.strings);
    expect(recorded.length).toBe(facts.strings * 3);
    expect(strings.length).toBeGreaterThanOrEqual(20_000);
    expect(new Set(strings.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(10);
  });

  test('encode() gives the same ids, with control tokens as text', () => {
    expect(differences(CONTROL_AS_TEXT, (text) => tokenizer.encode(text))).toEqual([]);
  });

  test('encode() gives the same ids, with control tokens recognised', () => {
    let numTokens = 0;
    const encode = (text: string) => {
      const ids = tokenizer.encode(text, { control: true });
      numTokens += ids.length;
      return ids;
    };
    expect(differences(CONTROL_RECOGNISED, encode)).toEqual([]);
    expect(numTokens).toBe(facts.tokens);
  });

  test('encode() gives the same ids after composing characters', () => {
    expect(differences(COMPOSED, (text) => composing.encode(text, { control: true }))).toEqual([]);
  });

  test('decode() gives the text back, lone surrogates as U+FFFD', () => {
    for (const { text } of strings) {
      const decoded = tokenizer.decode(tokenizer.encode(text, { control: true }));
      if (decoded !== wellFormed(text)) expect(decoded).toBe(wellFormed(text));
    }
  });
});
