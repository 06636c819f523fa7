/**
 * Grammar -> automaton over bytes with a stack: states with edges for bytes, calls of rules, and counted repetitions.
 * Parts that can never be completed are left out, so whatever is reachable can be brought to an end.
 */
import type { Grammar, GraphGrammar, Rule } from './grammar.ts';
import { LIMITS, tooLarge } from './limits.ts';
import type { PathLengths } from './path-lengths.ts';
import { Possibility } from './possibility.ts';

export interface ByteEdge {
  readonly low: number;
  readonly high: number;
  readonly to: number;
}

export interface CallEdge {
  /** First state of the rule. */
  readonly start: number;
  /** Where to continue when the rule has ended. */
  readonly back: number;
}

/** Leads into `body` while the count is below `max`, and on to `next` from `min` on. */
export interface Counter {
  readonly body: number;
  readonly next: number;
  readonly min: number;
  readonly max: number;
}

/** Leads into `body`, a graph whose steps are counted, and from its ends to `next` if there were `min` to `max` of them. */
export interface StepCounter {
  readonly body: number;
  readonly next: number;
  readonly min: number;
  readonly max: number;
  readonly lengths: PathLengths;
}

/**
 * The next step of a counted graph begins. It will lead to the graph's state `node`, so it may only begin if an allowed number
 * of steps leads on from there: halfway through a character it would be too late.
 */
export interface Tick {
  readonly to: number;
  readonly node: number;
}

export interface State {
  readonly bytes: ByteEdge[];
  readonly empty: number[];
  readonly calls: CallEdge[];
  counter?: Counter;
  steps?: StepCounter;
  ticks?: Tick[];
  /** What ends here: a rule, the body of a counted repetition, or a graph whose steps are counted. */
  ends?: 'rule' | 'body' | 'steps';
}

export interface Automaton {
  readonly states: readonly State[];
  readonly start: number;
  /** Bytes that no edge distinguishes have the same class. */
  readonly classOf: Uint8Array;
  /** One byte of each class. */
  readonly classBytes: readonly number[];
}

/** Undefined if nothing matches the grammar. Throws `UsageError` if it has too many states. */
export function buildAutomaton(grammar: Grammar): Automaton | undefined {
  const possible = new Possibility(grammar);
  if (!possible.has(grammar)) return undefined;
  const builder = new Builder(possible);
  const start = builder.addRule(grammar);
  return { states: builder.states, start, ...byteClasses(builder.states) };
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
    return this.states.push({ bytes: [], empty: [], calls: [] }) - 1;
  }

  private connect(grammar: Grammar, from: number, to: number): void {
    switch (grammar.kind) {
      case 'byte':
        this.states[from].bytes.push({ low: grammar.low, high: grammar.high, to });
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
        this.states[from].calls.push({ start, back: to });
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
    const counted = graph.lengths && {
      ...graph.lengths,
      lengths: this.possible.lengthsOf(graph, graph.lengths) as PathLengths,
    };
    let start = states[graph.start];
    if (counted) {
      const body = start;
      start = this.add();
      this.states[start].steps = { body, next: to, ...counted };
    }
    this.states[from].empty.push(start);
    for (const edge of graph.edges) {
      if (!useful.has(edge.from) || !useful.has(edge.to) || !this.possible.has(edge.item)) continue;
      let at = states[edge.from];
      if (counted) {
        const { ticks = [] } = this.states[at];
        this.states[at].ticks = ticks;
        at = this.add();
        ticks.push({ to: at, node: edge.to });
      }
      this.connect(edge.item, at, states[edge.to]);
    }
    for (const end of graph.ends) {
      if (!useful.has(end)) continue;
      if (!counted) {
        this.states[states[end]].empty.push(to);
        continue;
      }
      const last = this.add();
      this.states[last].ends = 'steps';
      this.states[states[end]].empty.push(last);
    }
  }
}

function byteClasses(states: readonly State[]): { classOf: Uint8Array; classBytes: number[] } {
  const isBorder = new Uint8Array(257);
  for (const state of states) {
    for (const { low, high } of state.bytes) {
      isBorder[low] = 1;
      isBorder[high + 1] = 1;
    }
  }
  const classOf = new Uint8Array(256);
  const classBytes = [0];
  for (let value = 1; value < 256; value++) {
    if (isBorder[value]) classBytes.push(value);
    classOf[value] = classBytes.length - 1;
  }
  return { classOf, classBytes };
}
