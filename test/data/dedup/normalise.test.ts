import { describe, expect, it } from 'vitest';
import { identityKey, normaliseText } from '../../../src/data/dedup/normalise.ts';

/** The four steps as the report lists them, one after the other. */
function plainly(text: string): string {
  return text
    .replace(/\p{P}/gu, '')
    .normalize('NFD')
    .toLowerCase()
    .replace(/\s+/gu, ' ')
    .replace(/^ | $/g, '');
}

const TEXTS = [
  '',
  ' ',
  '...!?',
  'Hello,   World!\r\n\tHow are  you?',
  'well-known “quotes” — $5 + 3 = 8 < 9 ~ `x`',
  '你好，世界！《红楼梦》（上）　全角空格',
  'ÀÉÎõü İstanbul ẞ ǅ Σίσυφος',
  'e\u0301 é 각 ｱﾊﾟｰﾄ ﬁ ①',
  '𐎟 𐬹 \u{1f600} \u{1d400}\u{11fff}x', // astral punctuation, an emoji, mathematical letters
  '\ud800 lone \udc00 surrogates \ud83d',
  'a\u00a0b\u2028c\u3000d\ufeffe\u0085f',
  'x\u200dy\u00adz', // joiner and soft hyphen are format characters, not punctuation
];

describe('normaliseText()', () => {
  it('does what the four steps of the report do one after the other', () => {
    for (const text of TEXTS) expect(normaliseText(text)).toBe(plainly(text));
  });

  it('does the same on a text of every character', () => {
    for (let start = 0; start < 0x20000; start += 0x1000) {
      const text = Array.from({ length: 0x1000 }, (_, i) => `a${String.fromCodePoint(start + i)} B`).join('');
      expect(normaliseText(text)).toBe(plainly(text));
    }
  });

  it('joins what punctuation separated, and keeps symbols and marks', () => {
    expect(normaliseText('Well-known: A+B, naïve.')).toBe('wellknown a+b nai\u0308ve');
  });

  it('is linear in the length of hostile text', () => {
    for (const part of [' ', '.', '\ud800', 'é', 'a '])
      expect(normaliseText(part.repeat(2_000_000)).length).toBeGreaterThanOrEqual(0);
  });
});

describe('identityKey()', () => {
  it('is the MD5 of the normalised text', () => {
    expect(identityKey('')).toBe('d41d8cd98f00b204e9800998ecf8427e');
    expect(identityKey('Hello, World!')).toBe('5eb63bbbe01eeed093cb22bb8f5acdc3'); // of "hello world"
  });

  it('is the same for texts that differ in punctuation, case, spaces and composition only', () => {
    expect(identityKey('“Café”, he said.')).toBe(identityKey('CAFE\u0301 \n he said'));
    expect(identityKey('Café')).not.toBe(identityKey('Cafe'));
  });
});
