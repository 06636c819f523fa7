/**
 * What the model of extraction sees of each line of a page: its text, the elements around it, its neighbours, the boxes
 * that hold it, and how lines that look the same are. All are numbers that mean the same on every site.
 */
import { CLASS_GROUPS } from './class-groups.ts';
import { type LineStats, lineStats, PHRASE_KINDS } from './line-stats.ts';
import { letters, ORIGINS, type ParsedPage } from './parse-page.ts';
import { REGIONS, tagId } from './tags.ts';

const NEIGHBOURS = [-3, -2, -1, 1, 2, 3] as const;
export const BOXES = ['parent', 'grandparent', 'lines3', 'share05', 'share20', 'share50'] as const;
/** Distance to a region or group that the line isn't in. */
const FAR = 40;
const MAX_DISTANCE = 30;

export const LINE_FEATURES: readonly string[] = [
  'words',
  'chars',
  'cjk',
  'link-share',
  'bold-share',
  'links',
  'capital-share',
  'digit-share',
  'capital-words',
  'stop-share',
  'sentence-ends',
  'commas',
  'ends-sentence',
  'ends-colon',
  'ends-question',
  'word-length',
  'after-break',
  'origin',
  'copies',
  'is-later-copy',
  'title-overlap',
  'description-overlap',
  'in-structured-text',
  'tag',
  'heading-level',
  'depth',
  ...PHRASE_KINDS.map((kind) => `phrase:${kind}`),
  ...REGIONS.map((region) => `in:${region}`),
  ...CLASS_GROUPS.map((group) => `class:${group}`),
  ...NEIGHBOURS.flatMap((offset) => [`words@${offset}`, `links@${offset}`, `apart@${offset}`]),
  'window-words',
  'window-links',
  'window-sentences',
  'since-heading',
  'heading-words',
  'heading-phrases',
  'line-place',
  'word-place',
  'word-rank',
  'after-title',
  'lines-after-title',
  ...BOXES.flatMap((box) => [
    `${box}:words`,
    `${box}:links`,
    `${box}:share`,
    `${box}:lines`,
    `${box}:sentences`,
    `${box}:place`,
  ]),
  'look-lines',
  'look-words',
  'look-share',
  'look-links',
  'look-sentences',
  'parent-look-lines',
  'parent-look-words',
  'parent-look-share',
  'parent-look-sentences',
  'page-words',
  'page-lines',
  'page-links',
  'page-sentences',
  'page-paragraph-share',
];

/** The boxes and the lines between two headings. */
export const NUM_RUNS = BOXES.length + 1;

export interface LineFeatures {
  /** Row by row, `LINE_FEATURES.length` numbers for each line. */
  readonly values: Float32Array;
  readonly stats: readonly LineStats[];
  /** What a line is part of, for `contextFeatures`. */
  readonly surroundings: Surroundings;
}

/** Runs of lines around each line, and groups of lines that look the same. */
export interface Surroundings {
  /** First line and end of each of `NUM_RUNS` runs for each line: the boxes, then what is between two headings. */
  readonly runs: Int32Array;
  readonly looks: Int32Array;
  readonly parentLooks: Int32Array;
  /** The heading before each line, or -1. */
  readonly headings: Int32Array;
}

const HEADING_LEVEL = new Map([1, 2, 3, 4, 5, 6].map((level) => [tagId(`h${level}`), level]));
const PARAGRAPH = tagId('p');

export function lineFeatures(page: ParsedPage): LineFeatures {
  const { nodes, lines } = page;
  const n = lines.length;
  const stats = lines.map((line) => lineStats(line.text));
  const values = new Float32Array(n * LINE_FEATURES.length);

  // Sums up to each line, so that the sums of any box are two look-ups.
  const wordSum = new Float64Array(n + 1);
  const linkSum = new Float64Array(n + 1);
  const charSum = new Float64Array(n + 1);
  const sentenceSum = new Float64Array(n + 1);
  for (let i = 0; i < n; i++) {
    wordSum[i + 1] = wordSum[i] + stats[i].words;
    charSum[i + 1] = charSum[i] + lines[i].text.length;
    linkSum[i + 1] = linkSum[i] + lines[i].linkChars;
    sentenceSum[i + 1] = sentenceSum[i] + stats[i].sentenceEnds;
  }
  const pageWords = wordSum[n];
  const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);

  const looks = groupBy(n, (i) => lookOf(page, i, 2));
  const parentLooks = groupBy(n, (i) => lookOf(page, i, 4));
  const byLook = sums(looks);
  const byParentLook = sums(parentLooks);
  const copies = new Map<string, number>();
  for (const { text } of lines) copies.set(text, (copies.get(text) ?? 0) + 1);
  const seen = new Set<string>();

  const titleWords = wordSet(
    `${page.meta.get('og:title') ?? ''} ${page.title} ${page.structured.headline} ${page.structured.name}`,
  );
  const descriptionWords = wordSet(
    `${page.meta.get('og:description') ?? ''} ${page.meta.get('description') ?? ''} ${page.meta.get('twitter:description') ?? ''}`,
  );
  const structuredText = page.structured.texts
    .map(({ text }) => letters(text.replace(/<[^<>]{0,500}>/g, ' ')))
    .join(' ');
  const titleLine = findTitleLine(page, stats, titleWords);
  const wordsByRank = [...stats.map((s) => s.words)].sort((a, b) => b - a);
  let paragraphWords = 0;
  for (let i = 0; i < n; i++) if (nodes.tag[lines[i].node] === PARAGRAPH) paragraphWords += stats[i].words;

  const regionDistance = new Float32Array(REGIONS.length);
  const groupDistance = new Float32Array(CLASS_GROUPS.length);
  let distancesOf = -1;
  let heading = -1;
  const runs = new Int32Array(n * NUM_RUNS * 2);
  const headings = new Int32Array(n);
  let runAt = 0;
  let at = 0;
  const put = (value: number): void => {
    values[at++] = value;
  };

  for (let i = 0; i < n; i++) {
    const line = lines[i];
    const s = stats[i];
    const { node } = line;
    const chars = line.text.length;
    put(s.words);
    put(chars);
    put(share(s.cjkChars, chars));
    put(share(line.linkChars, chars));
    put(share(line.boldChars, chars));
    put(line.numLinks);
    put(share(s.capitals, s.letters));
    put(share(s.digits, chars));
    put(share(s.capitalWords, s.words));
    put(share(s.stopWords, s.words));
    put(s.sentenceEnds);
    put(s.commas);
    put(s.endsSentence ? 1 : 0);
    put(s.lastChar === 58 || s.lastChar === 0xff1a ? 1 : 0);
    put(s.lastChar === 63 || s.lastChar === 0xff1f ? 1 : 0);
    put(share(s.letters, s.words));
    put(line.afterBreak ? 1 : 0);
    put(ORIGINS.indexOf(line.origin));
    put(copies.get(line.text) ?? 1);
    put(seen.has(line.text) ? 1 : 0);
    seen.add(line.text);
    put(overlap(line.text, titleWords));
    put(overlap(line.text, descriptionWords));
    put(
      structuredText !== '' && chars > 24 && chars < 2000 && structuredText.includes(letters(line.text))
        ? 1
        : 0,
    );
    const tag = nodes.tag[node];
    const level = HEADING_LEVEL.get(tag) ?? 0;
    put(tag);
    put(level);
    put(nodes.depth[node]);
    for (let k = 0; k < PHRASE_KINDS.length; k++) put((s.phrases >>> k) & 1);
    if (distancesOf !== node) {
      distancesUp(page, node, regionDistance, groupDistance);
      distancesOf = node;
    }
    values.set(regionDistance, at);
    at += regionDistance.length;
    values.set(groupDistance, at);
    at += groupDistance.length;

    for (const offset of NEIGHBOURS) {
      const j = i + offset;
      if (j < 0 || j >= n) {
        put(-1);
        put(-1);
        put(-1);
        continue;
      }
      put(stats[j].words);
      put(share(lines[j].linkChars, lines[j].text.length));
      put(stepsApart(page, node, lines[j].node));
    }
    const from = Math.max(0, i - 5);
    const to = Math.min(n, i + 6);
    put(wordSum[to] - wordSum[from]);
    put(share(linkSum[to] - linkSum[from], charSum[to] - charSum[from]));
    put(sentenceSum[to] - sentenceSum[from]);
    put(heading < 0 ? -1 : i - heading);
    put(heading < 0 ? -1 : stats[heading].words);
    put(heading < 0 ? -1 : stats[heading].phrases & HEADING_PHRASES);
    headings[i] = heading;
    if (level > 0) heading = i;
    put(i / n);
    put(share(wordSum[i], pageWords));
    put(rankOf(wordsByRank, s.words) / n);
    put(titleLine < 0 ? 0 : i >= titleLine ? 1 : -1);
    put(titleLine < 0 ? 0 : i - titleLine);

    const parent = nodes.parent[node];
    const grandparent = nodes.parent[parent];
    let lines3 = node;
    while (lines3 > 0 && nodes.endLine[lines3] - nodes.firstLine[lines3] < 3) lines3 = nodes.parent[lines3];
    let box = lines3;
    const grow = (least: number): number => {
      while (box > 0 && wordSum[nodes.endLine[box]] - wordSum[nodes.firstLine[box]] < least * pageWords)
        box = nodes.parent[box];
      return box;
    };
    for (const b of [parent, grandparent, lines3, grow(0.05), grow(0.2), grow(0.5)]) {
      const first = nodes.firstLine[b];
      const end = nodes.endLine[b];
      runs[runAt++] = first;
      runs[runAt++] = end;
      const words = wordSum[end] - wordSum[first];
      put(words);
      put(share(linkSum[end] - linkSum[first], charSum[end] - charSum[first]));
      put(share(words, pageWords));
      put(end - first);
      put(share(sentenceSum[end] - sentenceSum[first], end - first));
      put(share(wordSum[first], pageWords));
    }

    // The end of the run between two headings is filled in below.
    runs[runAt++] = Math.max(0, heading);
    runs[runAt++] = n;

    const look = byLook[looks[i]];
    put(look.lines);
    put(look.words);
    put(share(look.words, pageWords));
    put(share(look.linkChars, look.chars));
    put(share(look.sentences, look.lines));
    const parentLook = byParentLook[parentLooks[i]];
    put(parentLook.lines);
    put(parentLook.words);
    put(share(parentLook.words, pageWords));
    put(share(parentLook.sentences, parentLook.lines));

    put(pageWords);
    put(n);
    put(share(linkSum[n], charSum[n]));
    put(sentenceSum[n]);
    put(share(paragraphWords, pageWords));
  }
  for (let i = n - 1, end = n; i >= 0; i--) {
    const ownEnd = i * NUM_RUNS * 2 + NUM_RUNS * 2 - 1;
    runs[ownEnd] = end;
    if (runs[ownEnd - 1] === i) end = i;
  }
  return { values, stats, surroundings: { runs, looks, parentLooks, headings } };

  function sums(
    keys: Int32Array,
  ): { lines: number; words: number; chars: number; linkChars: number; sentences: number }[] {
    const out: { lines: number; words: number; chars: number; linkChars: number; sentences: number }[] = [];
    for (let i = 0; i < n; i++) {
      out[keys[i]] ??= { lines: 0, words: 0, chars: 0, linkChars: 0, sentences: 0 };
      const sum = out[keys[i]];
      sum.lines++;
      sum.words += stats[i].words;
      sum.chars += lines[i].text.length;
      sum.linkChars += lines[i].linkChars;
      sum.sentences += stats[i].sentenceEnds;
    }
    return out;
  }
}

const HEADING_PHRASES = ['related', 'reply', 'subscribe', 'share', 'review', 'more'].reduce(
  (bits, kind) => bits | (1 << PHRASE_KINDS.indexOf(kind)),
  0,
);

/** Numbers from 0 for equal keys. */
function groupBy(n: number, keyOf: (i: number) => number): Int32Array {
  const numbers = new Map<number, number>();
  const out = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const key = keyOf(i);
    let number = numbers.get(key);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(key, number);
    }
    out[i] = number;
  }
  return out;
}

/** Hash of how the elements up from a line look. */
function lookOf({ nodes, lines }: ParsedPage, i: number, levels: number): number {
  let hash = 17;
  let node = lines[i].node;
  for (let level = 0; level < levels && node > 0; level++) {
    hash = Math.imul(hash ^ nodes.look[node], 0x01000193);
    node = nodes.parent[node];
  }
  return hash;
}

/** How many elements up the nearest region and group of each kind are. */
function distancesUp({ nodes }: ParsedPage, node: number, regions: Float32Array, groups: Float32Array): void {
  regions.fill(FAR);
  groups.fill(FAR);
  let seenRegions = 0;
  let seenGroups = 0;
  for (let up = node, distance = 0; up > 0; up = nodes.parent[up]) {
    let fresh = nodes.regions[up] & ~seenRegions;
    seenRegions |= fresh;
    for (; fresh !== 0; fresh &= fresh - 1) regions[31 - Math.clz32(fresh & -fresh)] = distance;
    fresh = nodes.groups[up] & ~seenGroups;
    seenGroups |= fresh;
    for (; fresh !== 0; fresh &= fresh - 1) groups[31 - Math.clz32(fresh & -fresh)] = distance;
    if (distance < MAX_DISTANCE) distance++;
  }
}

const MAX_STEPS = 12;

/** Steps up from either element to their common ancestor, at most `MAX_STEPS`. */
function stepsApart({ nodes }: ParsedPage, a: number, b: number): number {
  let steps = 0;
  while (a !== b && steps < MAX_STEPS) {
    // Later elements are never above earlier ones.
    if (a > b) a = nodes.parent[a];
    else b = nodes.parent[b];
    steps++;
  }
  return steps;
}

const WORD = /[\p{L}\p{N}]+/gu;
const MAX_OVERLAP_CHARS = 400;

function wordSet(text: string): ReadonlySet<string> {
  return new Set(text.slice(0, 2000).toLowerCase().match(WORD) ?? []);
}

/** Share of the words of a line that a set holds. */
function overlap(text: string, words: ReadonlySet<string>): number {
  if (words.size === 0 || text.length > MAX_OVERLAP_CHARS) return 0;
  const own = text.toLowerCase().match(WORD);
  if (!own) return 0;
  let found = 0;
  for (const word of own) if (words.has(word)) found++;
  return found / own.length;
}

/** The first `<h1>`, else the first heading that says what the title says; -1 where there is none. */
function findTitleLine(
  { nodes, lines }: ParsedPage,
  stats: readonly LineStats[],
  titleWords: ReadonlySet<string>,
): number {
  let best = -1;
  let bestScore = 0;
  for (let i = 0; i < lines.length; i++) {
    const level = HEADING_LEVEL.get(nodes.tag[lines[i].node]);
    if (level === undefined) continue;
    const score = overlap(lines[i].text, titleWords) * Math.min(6, stats[i].words) + (level === 1 ? 2 : 0);
    if (score > bestScore) {
      best = i;
      bestScore = score;
    }
  }
  return best;
}

/** Number of entries of a falling list that are greater. */
function rankOf(falling: readonly number[], value: number): number {
  let low = 0;
  let high = falling.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (falling[middle] > value) low = middle + 1;
    else high = middle;
  }
  return low;
}
