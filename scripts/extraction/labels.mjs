// Which lines of a page belong to its reference text. Used for training, and for the best score that any choice of lines can have.

/** Words as the measure counts them: `\w+`, Unicode, lower case. */
const WORD = /[\p{L}\p{N}_]+/gu;
const GRAM = 3;
const SHORT_WORDS = 6;
const CONTEXT = 4;

/** @param {string} text */
export const wordsOf = (text) => text.toLowerCase().match(WORD) ?? [];

/**
 * For each line the share of its words that the reference has in the same order, in runs of at least three words; runs may go over
 * line ends. Of equal lines as many count as the reference has, those among others that count.
 * @param {readonly string[]} lines
 * @param {string} reference
 */
export function labelLines(lines, reference) {
  const referenceLines = countEach(
    reference
      .split('\n')
      .map((line) => wordsOf(line).join(' '))
      .filter((line) => line !== ''),
  );
  const grams = countEach(gramsOf(wordsOf(reference)));
  const words = lines.map(wordsOf);
  const all = words.flat();
  const isCovered = new Uint8Array(all.length);
  for (const [i, gram] of gramsOf(all).entries()) {
    if (grams.has(gram)) isCovered.fill(1, i, i + GRAM);
  }
  const shares = new Float64Array(lines.length);
  let at = 0;
  for (const [i, own] of words.entries()) {
    for (let k = 0; k < own.length; k++) shares[i] += isCovered[at++];
    if (own.length > 0) shares[i] /= own.length;
    if (own.length > 0 && own.length <= SHORT_WORDS && referenceLines.has(own.join(' '))) shares[i] = 1;
  }
  dropCopies(words, shares, grams, referenceLines);
  return shares;
}

/**
 * Labels where only some pieces of text are known: 1 for lines that hold a piece of the main text, 0 for those that hold one of the
 * rest, NaN for lines of which nothing is known.
 * @param {readonly string[]} lines
 * @param {readonly string[]} inside
 * @param {readonly string[]} outside
 */
export function labelPieces(lines, inside, outside) {
  const squeeze = (/** @type {string} */ text) => text.replace(/\s+/g, ' ').trim();
  const [good, bad] = [inside, outside].map((pieces) =>
    pieces.map(squeeze).filter((piece) => piece.length > 2),
  );
  return Float64Array.from(lines, (line) => {
    const text = squeeze(line);
    if (bad.some((piece) => text.includes(piece))) return 0;
    return good.some((piece) => text.includes(piece)) ? 1 : Number.NaN;
  });
}

/**
 * @param {readonly (readonly string[])[]} words
 * @param {Float64Array} shares
 * @param {Map<string, number>} grams
 * @param {Map<string, number>} referenceLines
 */
function dropCopies(words, shares, grams, referenceLines) {
  const before = shares.slice();
  /** @type {Map<string, number[]>} */
  const copies = new Map();
  for (const [i, own] of words.entries()) {
    if (own.length === 0) continue;
    const key = own.join(' ');
    const list = copies.get(key) ?? [];
    if (list.push(i) === 1) copies.set(key, list);
  }
  const weight = (/** @type {number} */ i) => Math.min(20, words[i].length);
  const company = (/** @type {number} */ i) => {
    let sum = 0;
    let total = 0;
    for (let j = Math.max(0, i - CONTEXT); j <= Math.min(words.length - 1, i + CONTEXT); j++) {
      if (j === i) continue;
      sum += before[j] * weight(j);
      total += weight(j);
    }
    return total > 0 ? sum / total : 0;
  };
  for (const [key, list] of copies) {
    if (list.length < 2) continue;
    const own = words[list[0]];
    const numInReference =
      own.length >= GRAM
        ? Math.min(...gramsOf(own).map((gram) => grams.get(gram) ?? 0))
        : (referenceLines.get(key) ?? 0);
    if (numInReference === 0 || numInReference >= list.length) continue;
    const best = [...list].sort((a, b) => company(b) - company(a) || a - b);
    for (const i of best.slice(numInReference)) shares[i] = 0;
  }
}

/**
 * F1 of bags of words.
 * @param {readonly string[]} found
 * @param {readonly string[]} reference
 */
export function wordF1(found, reference) {
  if (found.length + reference.length === 0) return 1;
  const left = countEach(reference);
  let hits = 0;
  for (const word of found) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    hits++;
  }
  return (2 * hits) / (found.length + reference.length);
}

/** @param {readonly string[]} words */
function gramsOf(words) {
  const grams = [];
  for (let i = 0; i + GRAM <= words.length; i++) grams.push(`${words[i]} ${words[i + 1]} ${words[i + 2]}`);
  return grams;
}

/** @param {readonly string[]} items */
function countEach(items) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}
