import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../../src/backend/native/addon.ts';
import { dedupTokens, loadJieba } from '../../../src/data/dedup/dedup-tokens.ts';
import { jaccard, openMinhasher } from '../../../src/data/dedup/minhash.ts';
import { shingleHashes } from '../../../src/data/dedup/minhash-family.ts';
import {
  bandKeys,
  decodeSignature,
  encodeSignature,
  estimateJaccard,
} from '../../../src/data/dedup/signature.ts';

const isas = loadAddon().addon?.isas() ?? [];
const TEXTS = [
  '',
  ' ',
  '?!',
  'one',
  'one two three four',
  'one two three four five',
  'one two three four five six',
  'the cat sat on the mat and the cat sat on the mat and the cat sat on the mat',
  'naïve café \ud800 \u{1f600} 각 σ',
  Array.from({ length: 3000 }, (_, i) => `word${(i * 7919) % 1013}`).join(' '),
];

describe('openMinhasher()', () => {
  it.each(isas)('gives the minima and the sets of the TypeScript reference on %s', (isa) => {
    const native = openMinhasher({ isa });
    const reference = openMinhasher({ isa: 'reference' });
    for (const text of TEXTS) {
      expect(native.minima(text)).toEqual(reference.minima(text));
      expect(Buffer.from(native.shingleSet(text))).toEqual(Buffer.from(reference.shingleSet(text)));
    }
    for (const [numHashes, shingleTokens] of [
      [64, 1],
      [192, 16],
    ]) {
      const options = { numHashes, shingleTokens };
      expect(openMinhasher({ ...options, isa }).minima(TEXTS[9])).toEqual(
        openMinhasher({ ...options, isa: 'reference' }).minima(TEXTS[9]),
      );
    }
  });

  it('gives the values of version 1 of the family', () => {
    const minima = openMinhasher().minima('the quick brown fox jumps over the lazy dog');
    expect([...minima.slice(0, 4)]).toEqual([327850115, 423104719, 588353306, 555744472]);
    expect([...bandKeys(minima).slice(0, 2)]).toEqual([1310374210, 420499885]);
  });

  it('makes one shingle of a text with fewer tokens, and none of a text without', () => {
    expect(shingleHashes('a b c')).toHaveLength(1);
    expect(shingleHashes('a b c d e f g')).toHaveLength(3);
    const minhasher = openMinhasher();
    expect(minhasher.shingleSet('?').length).toBe(0);
    expect(bandKeys(minhasher.minima('?'))).toHaveLength(0);
  });

  it('estimates the Jaccard similarity of two sets', () => {
    const minhasher = openMinhasher({ shingleTokens: 1 });
    const words = (from: number, to: number): string =>
      Array.from({ length: to - from }, (_, i) => `w${from + i}`).join(' ');
    const [a, b] = [words(0, 900), words(300, 1200)];
    expect(jaccard(minhasher.shingleSet(a), minhasher.shingleSet(b))).toBe(0.5);
    expect(estimateJaccard(minhasher.minima(a), minhasher.minima(b))).toBeCloseTo(0.5, 1);
    expect(jaccard(minhasher.shingleSet(a), minhasher.shingleSet(a))).toBe(1);
    expect(jaccard(minhasher.shingleSet(a), minhasher.shingleSet(''))).toBe(0);
  });

  it('refuses an instruction set that the machine lacks', () => {
    if (isas.length === 0) return;
    expect(() => openMinhasher({ isa: 'mmx' })).toThrow(expect.objectContaining({ code: 'unsupported-isa' }));
  });

  it('reads 20 MB without a space or a line break as one shingle', () => {
    const minhasher = openMinhasher();
    if (minhasher.isa === 'reference') return;
    expect(minhasher.shingleSet('x'.repeat(20_000_000)).length).toBe(8);
  });
});

describe('dedupTokens()', () => {
  it('splits Chinese text into words by script, also within other text', async () => {
    const segmenter = await loadJieba();
    expect(dedupTokens('我们在北京大学学习 deep learning', segmenter)).toBe(
      '我们 在 北京大学 学习 deep learning',
    );
    expect(dedupTokens('no han here', undefined)).toBe('no han here');
  });

  it('says what is missing for Chinese text', () => {
    expect(() => dedupTokens('中文', undefined)).toThrow(
      expect.objectContaining({ code: 'missing-package' }),
    );
  });

  it('keeps every character of a text that is cut into parts', async () => {
    const segmenter = await loadJieba();
    const text = `${'\u{20000}'.repeat(9000)} ${'甲乙丙'.repeat(5000)}`;
    expect(dedupTokens(text, segmenter).replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
  });
});

describe('signatures', () => {
  it('come back as they were stored', () => {
    const minima_H = openMinhasher().minima('one two three four five six');
    expect(decodeSignature(encodeSignature({ shingleTokens: 5, minima_H }))).toEqual({
      shingleTokens: 5,
      minima_H,
    });
  });

  it('of another version or cut short are refused', () => {
    const stored = encodeSignature({ shingleTokens: 5, minima_H: new Uint32Array(64) });
    expect(() => decodeSignature(stored.subarray(0, 100))).toThrow(
      expect.objectContaining({ code: 'bad-signature' }),
    );
    expect(() => decodeSignature(stored.subarray(0, 3))).toThrow(
      expect.objectContaining({ code: 'bad-signature' }),
    );
    stored[4] = 9;
    expect(() => decodeSignature(stored)).toThrow(expect.objectContaining({ code: 'signature-version' }));
  });

  it('have a key for each band, which changes with any of its minima and with the band', () => {
    const minima = new Uint32Array(2048);
    const keys = bandKeys(minima);
    expect(keys).toHaveLength(256);
    expect(new Set(Array.from({ length: 128 }, (_, i) => `${keys[2 * i]} ${keys[2 * i + 1]}`)).size).toBe(
      128,
    );
    for (let i = 0; i < 2048; i += 7) {
      const changed = minima.slice();
      changed[i] = 1;
      const differing = [...bandKeys(changed)].flatMap((word, at) => (word === keys[at] ? [] : [at >> 1]));
      expect(new Set(differing)).toEqual(new Set([Math.floor(i / 16)]));
    }
    expect(() => bandKeys(minima, 100)).toThrow(expect.objectContaining({ code: 'bad-bands' }));
  });
});
