/** Lists in which no item comes twice, of items that are known beforehand. */
import { EMPTY, type Grammar, type GraphEdge, type Lengths, sequence } from './grammar.ts';

/** `min` (at least one) to `max` different items in any order. States are the sets of items that were written: few items only. */
export function selections(items: readonly Grammar[], comma: Grammar, { min, max }: Lengths): Grammar {
  const numStates = 2 ** items.length;
  const edges: GraphEdge[] = [];
  const ends = new Set<number>();
  for (let set = 0; set < numStates; set++) {
    const count = set.toString(2).replaceAll('0', '').length;
    if (count >= min && count <= max) ends.add(set);
    for (const [i, item] of items.entries()) {
      if ((set >> i) & 1) continue;
      edges.push({ from: set, to: set | (1 << i), item: set === 0 ? item : sequence(comma, item) });
    }
  }
  return { kind: 'graph', numStates, edges, start: 0, ends };
}

/** `min` (at least one) to `max` different items in the order in which they are given. */
export function increasing(items: readonly Grammar[], comma: Grammar, { min, max }: Lengths): Grammar {
  const { length } = items;
  // Counts beyond these make no difference.
  const most = max < length ? max : min;
  const numCounts = most + 1;
  const edges: GraphEdge[] = [];
  const ends = new Set<number>();
  const state = (i: number, count: number) => i * numCounts + count;
  for (let count = 0; count <= most; count++) {
    for (const [i, item] of items.entries()) {
      edges.push({ from: state(i, count), to: state(i + 1, count), item: EMPTY });
      if (count === max) continue;
      const to = state(i + 1, Math.min(count + 1, most));
      edges.push({ from: state(i, count), to, item: count === 0 ? item : sequence(comma, item) });
    }
    if (count >= min) ends.add(state(length, count));
  }
  return { kind: 'graph', numStates: (length + 1) * numCounts, edges, start: 0, ends };
}
