import { describe, expect, test } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { Merger } from '../../src/text/bpe.ts';
import { BYTES_IN_TOKEN_ORDER, spellBytes } from '../../src/text/byte-alphabet.ts';
import { readMerges } from '../../src/text/merge-table.ts';
import type { PreTokenizer } from '../../src/text/pre-tokenizer.ts';
import { createTokenizer } from '../../src/text/tokenizer.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';

const ONE_PIECE: PreTokenizer = { steps: [], pieceEnd: (text) => text.length };

// Few leads and few last bytes, so that parts of neighbours are adjacent often. The lone surrogates are encoded as U+FFFD.
const CHARACTERS = [
  'a',
  ' ',
  ',',
  'é',
  'è',
  'ü',
  '中',
  '丮',
  '亮',
  '，',
  '。',
  '．',
  '鸧',
  '鹧',
  '\ufffd',
  '😀',
  '😮',
  '🐀',
  '\ud83d',
  '\udc00',
];

function randomText(random: Random, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) text += CHARACTERS[random.below(CHARACTERS.length)];
  return text;
}

/** Merges of random neighbours, whatever character they belong to: a real trainer would take frequent ones. */
function randomMerges(random: Random, count: number): [string, string][] {
  const bytes = new TextEncoder().encode(randomText(random, 300));
  let symbols = [...bytes].map((byte) => spellBytes(Uint8Array.of(byte)));
  const known = new Set(symbols);
  const merges: [string, string][] = [];
  while (merges.length < count) {
    const at = random.below(symbols.length - 1);
    const [left, right] = [symbols[at], symbols[at + 1]];
    if (known.has(left + right)) continue;
    known.add(left + right);
    merges.push([left, right]);
    const merged: string[] = [];
    for (let i = 0; i < symbols.length; i++) {
      if (symbols[i] === left && symbols[i + 1] === right) merged.push(symbols[i++] + right);
      else merged.push(symbols[i]);
    }
    symbols = merged;
  }
  return merges;
}

describe('WholeCharacters', () => {
  test.each(['in the order they were made', 'in any order', 'with a token made twice'])(
    'beginning with characters gives the ids of beginning with bytes, merges %s',
    (order) => {
      const random = new Random(order.length);
      let fewer = 0;
      for (let round = 0; round < 150; round++) {
        const merges = randomMerges(random, 10 + random.below(60));
        if (order === 'in any order') merges.sort(() => random.uniform() - 0.5);
        if (order === 'with a token made twice') {
          const [left, right] = merges[random.below(merges.length)];
          if (left.length > 1) merges.push([left[0], left.slice(1) + right]);
        }
        const made = merges.flatMap(([left, right]) => [left, right, left + right]);
        const vocabulary = new Vocabulary([...new Set([...spellBytes(BYTES_IN_TOKEN_ORDER), ...made])]);
        const tokenizer = createTokenizer({
          vocabulary,
          merges,
          preTokenizer: ONE_PIECE,
          special: { eos: [] },
        });
        const merger = new Merger(readMerges(merges, vocabulary));
        for (let i = 0; i < 20; i++) {
          const text = randomText(random, 1 + random.below(12));
          const bytes = new TextEncoder().encode(text);
          const ids = Int32Array.from(
            bytes,
            (byte) => vocabulary.ids.get(spellBytes(Uint8Array.of(byte))) as number,
          );
          const count = merger.merge(ids, ids.length);
          expect([...tokenizer.encode(text)]).toEqual([...ids.subarray(0, count)]);
          if (count < bytes.length) fewer++;
        }
      }
      expect(fewer).toBeGreaterThan(500);
    },
  );
});
