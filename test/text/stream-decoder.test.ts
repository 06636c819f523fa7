import { describe, expect, test } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { Utf8Stream, utf8Decoder } from '../../src/text/stream-decoder.ts';
import { fixtureTokenizer } from './fixture.ts';

const REPLACEMENT = '\ufffd';

describe('Utf8Stream', () => {
  // Leads, continuations, edges of the ranges that a second byte may have, and plain letters.
  const BYTES = [
    0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xe4, 0xed, 0xef, 0xf0, 0xf1, 0xf4,
    0xf5, 0xff,
  ];

  test('the pieces of any bytes, cut anywhere, add up to the whole decoded at once', () => {
    const random = new Random(11);
    for (let round = 0; round < 20_000; round++) {
      const bytes = Uint8Array.from({ length: random.below(12) }, () => BYTES[random.below(BYTES.length)]);
      const stream = new Utf8Stream();
      let text = '';
      for (let start = 0, end: number; start < bytes.length; start = end) {
        end = Math.min(bytes.length, start + random.below(4));
        text += stream.push(bytes.subarray(start, end));
      }
      text += stream.flush();
      if (text !== utf8Decoder().decode(bytes))
        expect({ bytes, text }).toEqual({ bytes, text: utf8Decoder().decode(bytes) });
    }
  });

  test('push() holds back a proper beginning and nothing else', () => {
    const stream = new Utf8Stream();
    expect(stream.push(Uint8Array.of(0xf0, 0x9f, 0x98))).toBe('');
    expect(stream.push(Uint8Array.of(0x80))).toBe('😀');
    // After 0xe0 a byte below 0xa0 can't follow: the lead is known to be wrong at once.
    expect(stream.push(Uint8Array.of(0xe0, 0x80))).toBe(REPLACEMENT + REPLACEMENT);
    expect(stream.push(Uint8Array.of(0xe4, 0xbd))).toBe('');
    expect(stream.push(Uint8Array.of(0x41))).toBe(`${REPLACEMENT}A`);
    expect(stream.push(Uint8Array.of(0xe4))).toBe('');
    expect(stream.flush()).toBe(REPLACEMENT);
    expect(stream.flush()).toBe('');
  });

  test('push() keeps a byte order mark', () => {
    expect(new Utf8Stream().push(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41))).toBe('\ufeffA');
  });
});

describe('streamDecoder()', () => {
  const tokenizer = fixtureTokenizer();

  test('random token sequences stream to the text that decode() gives, and never half a character', () => {
    const random = new Random(3);
    for (let round = 0; round < 2_000; round++) {
      // Single bytes are the first 256 ids; without them sequences would hardly ever break a character.
      const ids = Array.from({ length: random.below(20) }, () =>
        random.below(random.below(2) ? 256 : tokenizer.vocabSize),
      );
      const skipControl = round % 2 === 0;
      const stream = tokenizer.streamDecoder({ skipControl });
      const parts = ids.map((id) => stream.push(id));
      parts.push(stream.flush());
      expect(parts.join('')).toBe(tokenizer.decode(ids, { skipControl }));
      for (const part of parts) expect(part).not.toMatch(/^[\udc00-\udfff]|[\ud800-\udbff]$/);
    }
  });

  test('a valid text streams without a single U+FFFD', () => {
    const text = '好 😀 naïve 👩‍👩‍👧‍👦 한국 \u{20000}';
    const stream = tokenizer.streamDecoder();
    const parts = [...tokenizer.encode(text)].map((id) => stream.push(id));
    expect(parts.join('')).toBe(text);
    expect(stream.flush()).toBe('');
  });
});
