import type { LineStats } from './line-stats.ts';
import type { PageLine } from './parse-page.ts';

/** Pages with no line above this score, and fewer words to expect, have no main text: a script fills them in, or they are an error. */
const LEAST_SCORE = 0.4;
const LEAST_WORDS = 10;

/**
 * Which lines to keep: the set whose expected F1 is the best, counted in words, where `scores` are the probabilities. A set of
 * that kind holds all lines above some score, so it is found by sorting. With one threshold for all pages, pages where all
 * scores are low would lose everything.
 */
export function chooseLines(
  lines: readonly PageLine[],
  stats: readonly LineStats[],
  scores: Float32Array,
): Uint8Array {
  const isKept = new Uint8Array(lines.length);
  const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b);
  let expected = 0;
  for (let i = 0; i < lines.length; i++) expected += scores[i] * stats[i].words;
  if (lines.length === 0 || (scores[order[0]] < LEAST_SCORE && expected < LEAST_WORDS)) return isKept;
  let found = 0;
  let chosen = 0;
  let best = 0;
  let threshold = 1;
  for (const i of order) {
    found += scores[i] * stats[i].words;
    chosen += stats[i].words;
    const f1 = (2 * found) / (chosen + expected);
    if (f1 > best) {
      best = f1;
      threshold = scores[i];
    }
  }
  for (let i = 0; i < lines.length; i++) isKept[i] = scores[i] >= threshold ? 1 : 0;
  return isKept;
}
