/** The members of objects and the items of arrays, with their commas and counts, between the brackets. */
import { EMPTY, type Grammar, type GraphEdge, repeat, sequence } from './grammar.ts';
import { COMMA } from './json-grammar.ts';

/** A listed property of an object. */
export interface Member {
  readonly item: Grammar;
  readonly isRequired: boolean;
}

/**
 * At least one member: the listed ones in their order, those that are not required perhaps not, then any number of others. At
 * most `max` in all, and `maxOthers` others.
 */
export function memberList(
  members: readonly Member[],
  other: Grammar,
  { max, maxOthers }: { readonly max: number; readonly maxOthers: number },
): Grammar {
  const anotherOne = sequence(COMMA, other);
  if (members.length === 0) return sequence(other, repeat(anotherOne, 0, max - 1));
  const { length } = members;
  const isCounted = max < Number.POSITIVE_INFINITY;
  const width = 3 * (length + 1);
  const edges: GraphEdge[] = [];
  const ends: number[] = [];
  for (let count = 0; count <= (isCounted ? max : 0); count++) {
    const base = count * width;
    // The same place with one member more; without a limit nothing is counted.
    const more = isCounted ? base + width : base;
    const hasRoom = !isCounted || count < max;
    // At member i: nothing was written yet, something was, or the comma before it was.
    const none = (i: number) => base + 3 * i;
    const some = (i: number) => base + 3 * i + 1;
    const next = (i: number) => base + 3 * i + 2;
    for (let i = 0; i <= length; i++) {
      edges.push({ from: none(i), to: next(i), item: EMPTY }, { from: some(i), to: next(i), item: COMMA });
      if (i === length) break;
      if (hasRoom) edges.push({ from: next(i), to: more + 3 * (i + 1) + 1, item: members[i].item });
      if (members[i].isRequired) continue;
      edges.push(
        { from: none(i), to: none(i + 1), item: EMPTY },
        { from: some(i), to: some(i + 1), item: EMPTY },
      );
    }
    ends.push(some(length));
    if (maxOthers === 0) continue;
    if (maxOthers < Number.POSITIVE_INFINITY) {
      edges.push({
        from: next(length),
        to: width,
        item: sequence(other, repeat(anotherOne, 0, maxOthers - 1)),
      });
      ends.push(width);
    } else if (hasRoom) edges.push({ from: next(length), to: more + 3 * length + 1, item: other });
  }
  const numStates = width * (isCounted ? max + 1 : 1) + 1;
  return { kind: 'graph', numStates, edges, start: 0, ends: new Set(ends) };
}

/** At least one item: those that come first, then others like `rest`. */
export function itemList(first: readonly Grammar[], rest: Grammar, min: number, max: number): Grammar {
  const another = sequence(COMMA, rest);
  if (first.length === 0) return sequence(rest, repeat(another, Math.max(min, 1) - 1, max - 1));
  const edges: GraphEdge[] = first.map((item, i) => ({
    from: i,
    to: i + 1,
    item: i === 0 ? item : sequence(COMMA, item),
  }));
  const { length } = first;
  const ends = new Set(Array.from({ length }, (_, i) => i + 1).filter((count) => count >= min));
  if (max > length) {
    edges.push({
      from: length,
      to: length + 1,
      item: repeat(another, Math.max(1, min - length), max - length),
    });
    ends.add(length + 1);
  }
  return { kind: 'graph', numStates: length + 2, edges, start: 0, ends };
}

/**
 * At least one item, `min` to `max` in all, of which `least` to `most` are counted. `at(i)` gives item i, counted or not; those from
 * `numFirst` on are alike.
 */
export function countedItems(
  at: (i: number) => { readonly counted: Grammar; readonly other: Grammar },
  { numFirst, min, max, least, most }: Counts,
): Grammar {
  // Beyond these, how many there are makes no difference.
  const lastItem = max < Number.POSITIVE_INFINITY ? max : Math.max(min, numFirst, 1);
  const lastCount = most < Number.POSITIVE_INFINITY ? most : least;
  const state = (items: number, count: number): number => items * (lastCount + 1) + count;
  const edges: GraphEdge[] = [];
  const ends = new Set<number>();
  const withComma = (i: number, item: Grammar): Grammar => (i === 0 ? item : sequence(COMMA, item));
  for (let items = 0; items <= lastItem; items++) {
    const isLast = items === lastItem;
    const next = isLast ? items : items + 1;
    const { counted, other } = at(items);
    for (let count = 0; count <= lastCount; count++) {
      const from = state(items, count);
      if (items >= Math.max(min, 1) && count >= least) ends.add(from);
      if (isLast && max < Number.POSITIVE_INFINITY) continue;
      edges.push({ from, to: state(next, count), item: withComma(items, other) });
      if (count < lastCount)
        edges.push({ from, to: state(next, count + 1), item: withComma(items, counted) });
    }
  }
  return { kind: 'graph', numStates: state(lastItem, lastCount) + 1, edges, start: 0, ends };
}

export interface Counts {
  readonly numFirst: number;
  readonly min: number;
  readonly max: number;
  readonly least: number;
  readonly most: number;
}
