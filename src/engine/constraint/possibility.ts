import type { Grammar, GraphGrammar, Lengths, Rule } from './grammar.ts';
import { PathLengths } from './path-lengths.ts';

/** Which parts of a grammar some finite text matches. A rule that always contains itself is matched by none. */
export class Possibility {
  private readonly rules = new Set<Rule>();
  private known = new Map<Grammar, boolean>();

  constructor(grammar: Grammar) {
    // Rules found late are mostly those that others need, so going backwards takes few rounds.
    const all = [...rulesOf(grammar)].reverse();
    for (let size = -1; size !== this.rules.size; ) {
      size = this.rules.size;
      for (const rule of all) {
        if (!this.rules.has(rule) && this.has(rule.body)) this.rules.add(rule);
      }
      this.known = new Map();
    }
  }

  has(grammar: Grammar): boolean {
    if (grammar.kind === 'byte') return true;
    if (grammar.kind === 'rule') return this.rules.has(grammar.rule);
    let is = this.known.get(grammar);
    if (is === undefined) {
      is = this.find(grammar);
      this.known.set(grammar, is);
    }
    return is;
  }

  /** States from which an end can be reached. */
  usefulStates(graph: GraphGrammar): Set<number> {
    const before = new Map<number, number[]>();
    for (const { from, to, item } of graph.edges) {
      if (!this.has(item)) continue;
      const list = before.get(to);
      if (list) list.push(from);
      else before.set(to, [from]);
    }
    const useful = new Set(graph.ends);
    const open = [...useful];
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      for (const from of before.get(state) ?? []) {
        if (useful.has(from)) continue;
        useful.add(from);
        open.push(from);
      }
    }
    return useful;
  }

  private find(grammar: Exclude<Grammar, { kind: 'byte' | 'rule' }>): boolean {
    switch (grammar.kind) {
      case 'sequence':
        return grammar.items.every((item) => this.has(item));
      case 'choice':
        return grammar.items.some((item) => this.has(item));
      case 'repeat':
        return grammar.min === 0 || this.has(grammar.item);
      case 'graph':
        if (!this.usefulStates(grammar).has(grammar.start)) return false;
        return !grammar.lengths || this.lengthsOf(grammar, grammar.lengths) !== undefined;
    }
  }

  /** How long the ways through a graph are; undefined if none has an allowed length. */
  lengthsOf(graph: GraphGrammar, { min, max }: Lengths): PathLengths | undefined {
    const useful = this.usefulStates(graph);
    const edges = graph.edges.filter(
      ({ from, to, item }) => useful.has(from) && useful.has(to) && this.has(item),
    );
    const lengths = new PathLengths(graph.numStates, edges, graph.ends, max);
    return lengths.has(graph.start, min, max) ? lengths : undefined;
  }
}

function rulesOf(grammar: Grammar): Set<Rule> {
  const rules = new Set<Rule>();
  const seen = new Set<Grammar>();
  const open: Grammar[] = [grammar];
  for (let item = open.pop(); item; item = open.pop()) {
    if (item.kind === 'byte' || seen.has(item)) continue;
    seen.add(item);
    if (item.kind === 'sequence' || item.kind === 'choice') open.push(...item.items);
    else if (item.kind === 'repeat') open.push(item.item);
    else if (item.kind === 'graph') open.push(...item.edges.map((edge) => edge.item));
    else if (!rules.has(item.rule)) {
      rules.add(item.rule);
      open.push(item.rule.body);
    }
  }
  return rules;
}
