import { expect, it } from 'vitest';
import { loadAddon } from '../../../src/backend/native/addon.ts';
import { openMinhasher } from '../../../src/data/dedup/minhash.ts';
import { bandKeys } from '../../../src/data/dedup/signature.ts';

const NUM_PAIRS = 12_000;
/** Elements of A ∪ B, so that every similarity below is exact. */
const UNION = 40;

// Plain TypeScript would take an hour; that it gives the same minima is tested in minhash.test.ts.
const { addon } = loadAddon();

/** Pairs of disjoint vocabularies: of UNION words, `shared` in both, the others in turn in the one and in the other. */
function detected(similarity: number, firstWord: number): number {
  const minhasher = openMinhasher({ shingleTokens: 1 });
  const shared = Math.round(similarity * UNION);
  expect(shared).toBeCloseTo(similarity * UNION, 9);
  let numFound = 0;
  for (let pair = 0; pair < NUM_PAIRS; pair++) {
    const words = Array.from({ length: UNION }, (_, i) => `w${firstWord + pair * UNION + i}`);
    const a = words.filter((_, i) => i < shared || i % 2 === 0).join(' ');
    const b = words.filter((_, i) => i < shared || i % 2 === 1).join(' ');
    const left = bandKeys(minhasher.minimaOfTokens(a));
    const right = bandKeys(minhasher.minimaOfTokens(b));
    for (let i = 0; i < left.length; i += 2) {
      if (left[i] !== right[i] || left[i + 1] !== right[i + 1]) continue;
      numFound++;
      break;
    }
  }
  return numFound / NUM_PAIRS;
}

it.skipIf(!addon)(
  'bands detect pairs as 1 - (1 - s^16)^128 says, within one point at seven similarities',
  () => {
    [0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85].forEach((similarity, i) => {
      const expected = 1 - (1 - similarity ** 16) ** 128;
      expect(Math.abs(detected(similarity, i * NUM_PAIRS * UNION) - expected)).toBeLessThan(0.01);
    });
  },
);
