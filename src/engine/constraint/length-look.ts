/** Look-ahead that only limits the length of a text. Lengths are counted apart from the automaton, where each would be a state. */
import { complement, intersect } from './code-points.ts';
import type { Lengths } from './grammar.ts';
import type { Pattern } from './pattern-syntax.ts';

export interface MeasuredPattern {
  /** The pattern without its look-ahead. */
  readonly pattern: Pattern;
  /** What the look-ahead says of the whole text. */
  readonly look: Pattern;
  /** Characters of texts that fit it. Together with `lengths` this is `look`, or less by texts that its optional characters make longer. */
  readonly characters: Pattern;
  readonly lengths: Lengths;
}

/**
 * Takes `^(?=.{1,253}\.?$)…` apart, which Zod writes for host names; `undefined` for other patterns. Items of the look-ahead other
 * than the long one must be optional and made of its characters, so that every text of its length fits.
 */
export function measuredPattern(pattern: Pattern): MeasuredPattern | undefined {
  if (pattern.kind !== 'sequence') return undefined;
  const [start, look, ...rest] = pattern.items;
  if (start?.kind !== 'start' || look?.kind !== 'look' || look.isNegative) return undefined;
  const items = look.item.kind === 'sequence' ? look.item.items : [look.item];
  const last = items.at(-1);
  const [counted, ...optional] = items
    .slice(0, -1)
    .sort((a, b) => (b.kind === 'repeat' ? b.max : 0) - (a.kind === 'repeat' ? a.max : 0));
  if (last?.kind !== 'end' || counted?.kind !== 'repeat' || counted.item.kind !== 'codes') return undefined;
  const others = complement(counted.item.set);
  const isCovered = (item: Pattern): boolean =>
    item.kind === 'repeat' &&
    item.min === 0 &&
    item.item.kind === 'codes' &&
    intersect(item.item.set, others).length === 0;
  if (!optional.every(isCovered)) return undefined;
  return {
    pattern: { kind: 'sequence', items: [start, ...rest] },
    look: look.item,
    characters: { ...counted, min: 0, max: Number.POSITIVE_INFINITY },
    lengths: { min: counted.min, max: counted.max },
  };
}
