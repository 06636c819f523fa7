/**
 * Near-duplicate removal on a corpus with planted copies, checked by brute force: which removals have a kept document with a
 * Jaccard similarity of at least 0.8, and which documents that brute force removes are found.
 *
 *   node bench/near-duplicates.ts [DOCUMENTS=3000]
 *
 * CSV on stdout. Older versions of Node: bundle it first, as bench/tokenizer.ts says.
 */
import { jaccard, openMinhasher } from '../src/data/dedup/minhash.ts';
import { BucketMinFilter, VerifiedFilter } from '../src/data/dedup/near-duplicates.ts';
import { bandKeys } from '../src/data/dedup/signature.ts';

const numDocuments = Number(process.argv[2] ?? 3000);
let state = 7;
const random = (below: number): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};
const word = (): string => `w${Math.floor(random(300) * random(300) * 0.02)}`;
/** Half of the documents are new; the others are copies of earlier ones with up to an eighth of their words replaced. */
const documents: string[][] = [];
for (let i = 0; i < numDocuments; i++) {
  if (i < 10 || random(2) === 0) {
    documents.push(Array.from({ length: 80 + random(400) }, word));
    continue;
  }
  const copy = [...documents[random(documents.length)]];
  for (let edits = random(Math.ceil(copy.length / 8)); edits > 0; edits--) copy[random(copy.length)] = word();
  documents.push(copy);
}
const minhasher = openMinhasher();
const texts = documents.map((words) => words.join(' '));
const sets = texts.map((text) => minhasher.shingleSet(text));
const keys = texts.map((text) => bandKeys(minhasher.minima(text)));

/** Compares with every kept document. */
const removedByBruteForce = new Set<number>();
const kept: number[] = [];
texts.forEach((_, i) => {
  if (kept.some((other) => jaccard(sets[i], sets[other]) >= 0.8)) removedByBruteForce.add(i);
  else kept.push(i);
});

console.log('mode,documents,removed,with a kept document at 0.8 or more %,removed by brute force,recall %');
const report = (mode: string, removed: ReadonlySet<number>): void => {
  const stayed = texts.map((_, i) => i).filter((i) => !removed.has(i));
  let numRight = 0;
  for (const i of removed) if (stayed.some((other) => jaccard(sets[i], sets[other]) >= 0.8)) numRight++;
  const found = [...removedByBruteForce].filter((i) => removed.has(i)).length;
  const percent = (part: number, whole: number): string => ((100 * part) / Math.max(1, whole)).toFixed(2);
  console.log(
    [
      mode,
      numDocuments,
      removed.size,
      percent(numRight, removed.size),
      removedByBruteForce.size,
      percent(found, removedByBruteForce.size),
    ].join(','),
  );
};
const bucketMin = new BucketMinFilter<number>();
report('bucket-min', new Set(keys.flatMap((list, i) => (bucketMin.add(i, list) ? [i] : []))));
const verified = new VerifiedFilter<number>();
report('verified', new Set(keys.flatMap((list, i) => (verified.add(i, list, sets[i]) ? [i] : []))));
