/**
 * Grammars over bytes: what schemas, patterns and tools are turned into. Plain data; `automaton.ts` makes them runnable.
 */
export type Grammar =
  | { readonly kind: 'byte'; readonly low: number; readonly high: number }
  | { readonly kind: 'sequence'; readonly items: readonly Grammar[] }
  | { readonly kind: 'choice'; readonly items: readonly Grammar[] }
  | { readonly kind: 'repeat'; readonly item: Grammar; readonly min: number; readonly max: number }
  | { readonly kind: 'rule'; readonly rule: Rule }
  | GraphGrammar;

/** A finite automaton whose edges are grammars. */
export interface GraphGrammar {
  readonly kind: 'graph';
  readonly numStates: number;
  readonly edges: readonly GraphEdge[];
  readonly start: number;
  readonly ends: ReadonlySet<number>;
  /** How many edges a way from `start` to an end may have; default: any number. The edges call nothing that is counted itself. */
  readonly lengths?: Lengths;
}

export interface Lengths {
  readonly min: number;
  readonly max: number;
}

export interface GraphEdge {
  readonly from: number;
  readonly to: number;
  readonly item: Grammar;
}

/** A grammar with a name of its own: it may contain itself, and what follows it does not matter while it is matched. */
export class Rule {
  /** Set once, after it was made: that is how it may contain itself. */
  body: Grammar = NOTHING_AT_ALL;
}

/** Matches no bytes whatsoever, not even none. */
export const NOTHING_AT_ALL: Grammar = { kind: 'choice', items: [] };
export const EMPTY: Grammar = { kind: 'sequence', items: [] };

export function byte(low: number, high = low): Grammar {
  return { kind: 'byte', low, high };
}

export function sequence(...items: readonly Grammar[]): Grammar {
  return items.length === 1 ? items[0] : { kind: 'sequence', items };
}

export function choice(...items: readonly Grammar[]): Grammar {
  return items.length === 1 ? items[0] : { kind: 'choice', items };
}

export function optional(item: Grammar): Grammar {
  return choice(EMPTY, item);
}

export function repeat(item: Grammar, min: number, max = Number.POSITIVE_INFINITY): Grammar {
  return { kind: 'repeat', item, min, max };
}

export function rule(body: Grammar): Grammar {
  const made = new Rule();
  made.body = body;
  return { kind: 'rule', rule: made };
}

export function literal(text: string): Grammar {
  return sequence(...Array.from(new TextEncoder().encode(text), (value) => byte(value)));
}

/** One of the texts. A tree of their bytes: a choice of ten thousand literals would be at ten thousand places at once. */
export function oneOfTexts(texts: readonly string[]): Grammar {
  if (texts.length === 1) return literal(texts[0]);
  const next: Map<number, number>[] = [new Map()];
  const edges: GraphEdge[] = [];
  const ends = new Set<number>();
  const encoder = new TextEncoder();
  for (const text of texts) {
    let at = 0;
    for (const value of encoder.encode(text)) {
      let to = next[at].get(value);
      if (to === undefined) {
        to = next.push(new Map()) - 1;
        next[at].set(value, to);
        edges.push({ from: at, to, item: byte(value) });
      }
      at = to;
    }
    ends.add(at);
  }
  return { kind: 'graph', numStates: next.length, edges, start: 0, ends };
}
