import type { PathLengths } from './automaton.ts';
import type { Grammar, GraphGrammar, Rule } from './grammar.ts';
import { hasLength, LengthBudget, pathLengths } from './path-lengths.ts';

/** Which parts of a grammar some finite text matches. A rule that always contains itself is matched by none. */
export class Possibility {
  private readonly rules = new Set<Rule>();
  private known = new Map<Grammar, boolean>();
  private lengths = new Map<GraphGrammar, PathLengths | undefined>();
  private budget = new LengthBudget();

  constructor(grammar: Grammar) {
    // Rules found late are mostly those that others need, so going backwards takes few rounds.
    const all = [...rulesOf(grammar)].reverse();
    for (let size = -1; size !== this.rules.size; ) {
      size = this.rules.size;
      for (const rule of all) {
        if (!this.rules.has(rule) && this.has(rule.body)) this.rules.add(rule);
      }
      this.known = new Map();
      this.lengths = new Map();
      this.budget = new LengthBudget();
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
        return !grammar.lengths || this.lengthsOf(grammar) !== undefined;
    }
  }

  /** How long the ways through a graph with `lengths` are; undefined if none has an allowed length. */
  lengthsOf(graph: GraphGrammar): PathLengths | undefined {
    if (!graph.lengths) return undefined;
    if (this.lengths.has(graph)) return this.lengths.get(graph);
    const { min, max } = graph.lengths;
    const useful = this.usefulStates(graph);
    const edges = graph.edges.filter(
      ({ from, to, item }) => useful.has(from) && useful.has(to) && this.has(item),
    );
    const all = pathLengths(graph.numStates, edges, graph.ends, max, this.budget);
    const found = hasLength(all, graph.start, min, max) ? all : undefined;
    this.lengths.set(graph, found);
    return found;
  }
}

function rulesOf(grammar: Grammar): Set<Rule> {
  const rules = new Set<Rule>();
  const seen = new Set<Grammar>();
  const open: Grammar[] = [grammar];
  for (let item = open.pop(); item; item = open.pop()) {
    if (item.kind === 'byte' || seen.has(item)) continue;
    seen.add(item);
    // One by one: a call takes only so many arguments.
    if (item.kind === 'sequence' || item.kind === 'choice') for (const part of item.items) open.push(part);
    else if (item.kind === 'repeat') open.push(item.item);
    else if (item.kind === 'graph') for (const edge of item.edges) open.push(edge.item);
    else if (!rules.has(item.rule)) {
      rules.add(item.rule);
      open.push(item.rule.body);
    }
  }
  return rules;
}
