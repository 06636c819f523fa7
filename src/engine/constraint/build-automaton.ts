/**
 * Grammar -> automaton. Parts that can never be completed are left out, so whatever is reachable can be brought to an end.
 */
import { type Automaton, type Counter, type Edges, ENDS } from './automaton.ts';
import type { Grammar, GraphGrammar, Rule } from './grammar.ts';
import { LIMITS, tooLarge } from './limits.ts';
import { Possibility } from './possibility.ts';

/** As in `Automaton`; every list is made of its edges' rows, one after another. */
interface State {
  readonly bytes: number[];
  readonly empty: number[];
  readonly calls: number[];
  readonly ticks: number[];
  counter?: Counter;
  ends?: keyof typeof ENDS;
}

/** Undefined if nothing matches the grammar. Throws `UsageError` if it has too many states. */
export function buildAutomaton(grammar: Grammar): Automaton | undefined {
  const possible = new Possibility(grammar);
  if (!possible.has(grammar)) return undefined;
  const builder = new Builder(possible);
  const start = builder.addRule(grammar);
  return flat(builder.states, start);
}

/** Repetitions up to this are written out, which is cheaper than counting. */
const MAX_WRITTEN_OUT = 3;

class Builder {
  readonly states: State[] = [];
  private readonly possible: Possibility;
  private readonly startOf = new Map<Rule, number>();
  private readonly pending: (() => void)[] = [];

  constructor(possible: Possibility) {
    this.possible = possible;
  }

  addRule(grammar: Grammar): number {
    const start = this.enter(grammar);
    // Rules are built one after another, not one inside another: their nesting may be deep.
    for (let next = this.pending.pop(); next; next = this.pending.pop()) next();
    return start;
  }

  private enter(grammar: Grammar): number {
    const start = this.add();
    const end = this.add();
    this.states[end].ends = 'rule';
    this.pending.push(() => this.connect(grammar, start, end));
    return start;
  }

  private add(): number {
    if (this.states.length >= LIMITS.states) throw tooLarge('states', LIMITS.states);
    return this.states.push({ bytes: [], empty: [], calls: [], ticks: [] }) - 1;
  }

  private connect(grammar: Grammar, from: number, to: number): void {
    switch (grammar.kind) {
      case 'byte':
        this.states[from].bytes.push(grammar.low, grammar.high, to);
        return;
      case 'sequence':
        this.connectSequence(grammar.items, from, to);
        return;
      case 'choice':
        for (const item of grammar.items) {
          if (this.possible.has(item)) this.connect(item, from, to);
        }
        return;
      case 'repeat':
        this.connectRepeat(grammar.item, grammar.min, grammar.max, from, to);
        return;
      case 'rule': {
        const { rule } = grammar;
        let start = this.startOf.get(rule);
        if (start === undefined) {
          start = this.enter(rule.body);
          this.startOf.set(rule, start);
        }
        this.states[from].calls.push(start, to);
        return;
      }
      case 'graph':
        this.connectGraph(grammar, from, to);
    }
  }

  private connectSequence(items: readonly Grammar[], from: number, to: number): void {
    if (items.length === 0) this.states[from].empty.push(to);
    let at = from;
    items.forEach((item, i) => {
      const next = i === items.length - 1 ? to : this.add();
      this.connect(item, at, next);
      at = next;
    });
  }

  private connectRepeat(item: Grammar, min: number, max: number, from: number, to: number): void {
    if (!this.possible.has(item) || max === 0) {
      this.states[from].empty.push(to);
      return;
    }
    const isLoop = max === Number.POSITIVE_INFINITY;
    if (min <= MAX_WRITTEN_OUT && (isLoop || max <= MAX_WRITTEN_OUT)) {
      let at = from;
      for (let i = 0; i < min; i++) {
        const next = this.add();
        this.connect(item, at, next);
        at = next;
      }
      if (isLoop) {
        const loop = this.add();
        this.states[at].empty.push(loop);
        const end = this.add();
        this.connect(item, loop, end);
        this.states[end].empty.push(loop);
        this.states[loop].empty.push(to);
        return;
      }
      for (let i = min; i < max; i++) {
        this.states[at].empty.push(to);
        const next = this.add();
        this.connect(item, at, next);
        at = next;
      }
      this.states[at].empty.push(to);
      return;
    }
    const counter = this.add();
    const body = this.add();
    const end = this.add();
    this.states[from].empty.push(counter);
    this.states[counter].counter = { body, next: to, min, max };
    this.states[end].ends = 'body';
    this.connect(item, body, end);
  }

  private connectGraph(graph: GraphGrammar, from: number, to: number): void {
    const useful = this.possible.usefulStates(graph);
    const states = Array.from({ length: graph.numStates }, (_, i) => (useful.has(i) ? this.add() : -1));
    const lengths = this.possible.lengthsOf(graph);
    let start = states[graph.start];
    if (graph.lengths && lengths) {
      const body = start;
      start = this.add();
      this.states[start].counter = { body, next: to, ...graph.lengths, lengths };
    }
    this.states[from].empty.push(start);
    for (const edge of graph.edges) {
      if (!useful.has(edge.from) || !useful.has(edge.to) || !this.possible.has(edge.item)) continue;
      let at = states[edge.from];
      if (lengths) {
        const { ticks } = this.states[at];
        at = this.add();
        ticks.push(at, edge.to);
      }
      this.connect(edge.item, at, states[edge.to]);
    }
    for (const end of graph.ends) {
      if (!useful.has(end)) continue;
      if (!lengths) {
        this.states[states[end]].empty.push(to);
        continue;
      }
      const last = this.add();
      this.states[last].ends = 'steps';
      this.states[states[end]].empty.push(last);
    }
  }
}

function flat(states: readonly State[], start: number): Automaton {
  const counters: Counter[] = [];
  const counterOf = Int32Array.from(states, ({ counter }) => (counter ? counters.push(counter) - 1 : -1));
  return {
    start,
    ...byteClasses(states),
    bytes: edges(states, 'bytes', 3),
    empty: edges(states, 'empty', 1),
    calls: edges(states, 'calls', 2),
    ticks: edges(states, 'ticks', 2),
    counterOf,
    counters,
    ends: Uint8Array.from(states, ({ ends }) => (ends ? ENDS[ends] : 0)),
  };
}

function edges(states: readonly State[], kind: 'bytes' | 'empty' | 'calls' | 'ticks', width: number): Edges {
  const starts = new Int32Array(states.length + 1);
  for (const [i, state] of states.entries()) starts[i + 1] = starts[i] + state[kind].length / width;
  const rows = new Int32Array(starts[states.length] * width);
  for (const [i, state] of states.entries()) rows.set(state[kind], starts[i] * width);
  return { starts, rows };
}

function byteClasses(states: readonly State[]): { classOf: Uint8Array; classBytes: Uint8Array } {
  const isBorder = new Uint8Array(257);
  for (const { bytes } of states) {
    for (let i = 0; i < bytes.length; i += 3) {
      isBorder[bytes[i]] = 1;
      isBorder[bytes[i + 1] + 1] = 1;
    }
  }
  const classOf = new Uint8Array(256);
  const classBytes = [0];
  for (let value = 1; value < 256; value++) {
    if (isBorder[value]) classBytes.push(value);
    classOf[value] = classBytes.length - 1;
  }
  return { classOf, classBytes: Uint8Array.from(classBytes) };
}
