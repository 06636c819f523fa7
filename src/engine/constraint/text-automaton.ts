/** Deterministic automata over characters: patterns and formats of one string are combined here. */
import { InternalError, UsageError } from '../../core/errors.ts';
import { ALL_CODES, type CodeSet, complement, intersect, unite } from './code-points.ts';
import { type Grammar, type Lengths, rule } from './grammar.ts';
import { LIMITS, tooLarge } from './limits.ts';
import { ANY_TEXT, type ParsedPattern, type Pattern } from './pattern-syntax.ts';

export interface TextAutomaton {
  /** For each state, where characters lead; sets of one state do not overlap. State 0 is the first. */
  readonly states: readonly TextState[];
}

interface TextState {
  readonly edges: readonly { readonly set: CodeSet; readonly to: number }[];
  readonly isEnd: boolean;
}

/** States of a pattern before it is made deterministic. */
interface LooseState {
  readonly edges: { readonly set: CodeSet; readonly to: number }[];
  readonly empty: number[];
  /** Empty edges that hold only at the start, or only at the end, of the text. */
  readonly atStart: number[];
  readonly atEnd: number[];
}

/**
 * `search`: the pattern may match anywhere in the text, as in JSON Schema; otherwise it is the whole text. Throws
 * `UsageError` for patterns that are too large, and for look-ahead in the midst of a text.
 */
export function textAutomaton({ rest, looks, isAnchored }: ParsedPattern, search: boolean): TextAutomaton {
  if (looks.length > 0 && search && !isAnchored) {
    throw new UsageError('Cannot use a pattern that looks ahead anywhere in the text', {
      code: 'unsupported-pattern',
      hint: 'begin it with ^',
    });
  }
  return looks.reduce(
    (automaton, { item, isNegative }) => {
      const begins = simpleAutomaton({ kind: 'sequence', items: [item, ANY_TEXT] }, false);
      return both(automaton, isNegative ? complementOf(begins) : begins);
    },
    simpleAutomaton(rest, search),
  );
}

/** Texts that it does not accept. */
export function complementOf({ states }: TextAutomaton): TextAutomaton {
  const free = states.length;
  const negated = states.map(({ edges, isEnd }) => ({
    edges: [...edges, { set: complement(unite(edges.map(({ set }) => set))), to: free }],
    isEnd: !isEnd,
  }));
  return { states: [...negated, { edges: [{ set: ALL_CODES, to: free }], isEnd: true }] };
}

function simpleAutomaton(pattern: Pattern, search: boolean): TextAutomaton {
  const loose = new LooseAutomaton();
  const start = loose.add();
  const end = loose.add();
  loose.connect(pattern, start, end);
  if (search) {
    const before = loose.add();
    const after = loose.add();
    loose.states[before].edges.push({ set: ALL_CODES, to: before });
    loose.states[before].empty.push(start);
    loose.states[end].empty.push(after);
    loose.states[after].edges.push({ set: ALL_CODES, to: after });
    return determinise(loose.states, before, after);
  }
  return determinise(loose.states, start, end);
}

/** These texts and no others. */
export function literalsAutomaton(texts: readonly string[]): TextAutomaton {
  const states = [{ edges: new Map<number, number>(), isEnd: false }];
  for (const text of texts) {
    let at = 0;
    for (const character of text) {
      const code = character.codePointAt(0) as number;
      const to = states[at].edges.get(code) ?? states.push({ edges: new Map(), isEnd: false }) - 1;
      states[at].edges.set(code, to);
      at = to;
    }
    states[at].isEnd = true;
  }
  return {
    states: states.map(({ edges, isEnd }) => ({
      edges: [...edges].map(([code, to]) => ({ set: [[code, code]], to })),
      isEnd,
    })),
  };
}

export function accepts({ states }: TextAutomaton, text: string): boolean {
  let state = states[0];
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    const edge = state.edges.find(({ set }) => set.some(([low, high]) => low <= code && code <= high));
    if (!edge) return false;
    state = states[edge.to];
  }
  return state.isEnd;
}

/** Texts that both accept. */
export function both(a: TextAutomaton, b: TextAutomaton): TextAutomaton {
  const ids = new Map<number, number>([[0, 0]]);
  const pairs: [number, number][] = [[0, 0]];
  const states: TextState[] = [];
  for (let id = 0; id < pairs.length; id++) {
    if (pairs.length > LIMITS.patternStates) throw tooLarge('states of a pattern', LIMITS.patternStates);
    const [i, j] = pairs[id];
    const edges: { set: CodeSet; to: number }[] = [];
    for (const left of a.states[i].edges) {
      for (const right of b.states[j].edges) {
        const set = intersect(left.set, right.set);
        if (set.length === 0) continue;
        const key = left.to * b.states.length + right.to;
        let to = ids.get(key);
        if (to === undefined) {
          to = pairs.push([left.to, right.to]) - 1;
          ids.set(key, to);
        }
        edges.push({ set, to });
      }
    }
    states.push({ edges, isEnd: a.states[i].isEnd && b.states[j].isEnd });
  }
  return { states };
}

/** Ranges of characters that are written out at every edge; beyond that, those of larger sets become rules. */
const MAX_WRITTEN_RANGES = 60_000;
const FEW_RANGES = 16;

/**
 * The texts as a grammar, those with an allowed number of characters; `write` says how characters are spelled.
 */
export function textGrammar(
  { states }: TextAutomaton,
  write: (set: CodeSet) => Grammar,
  lengths?: Lengths,
): Grammar {
  const numRanges = states.reduce(
    (sum, { edges }) => edges.reduce((all, { set }) => all + set.length, sum),
    0,
  );
  // The same sets come again and again.
  const written = new Map<string, Grammar>();
  const spell = (set: CodeSet): Grammar => {
    const key = set.join();
    let found = written.get(key);
    if (!found) {
      found = write(set);
      if (set.length > FEW_RANGES && numRanges > MAX_WRITTEN_RANGES) found = rule(found);
      written.set(key, found);
    }
    return found;
  };
  return {
    kind: 'graph',
    numStates: states.length,
    start: 0,
    ends: new Set(states.flatMap(({ isEnd }, state) => (isEnd ? [state] : []))),
    edges: states.flatMap(({ edges }, from) => edges.map(({ set, to }) => ({ from, to, item: spell(set) }))),
    ...(lengths && { lengths }),
  };
}

class LooseAutomaton {
  readonly states: LooseState[] = [];

  add(): number {
    if (this.states.length >= 10 * LIMITS.patternStates) {
      throw tooLarge('states of a pattern', 10 * LIMITS.patternStates);
    }
    return this.states.push({ edges: [], empty: [], atStart: [], atEnd: [] }) - 1;
  }

  connect(pattern: Pattern, from: number, to: number): void {
    switch (pattern.kind) {
      case 'codes':
        this.states[from].edges.push({ set: pattern.set, to });
        return;
      case 'start':
        this.states[from].atStart.push(to);
        return;
      case 'end':
        this.states[from].atEnd.push(to);
        return;
      case 'choice':
        for (const item of pattern.items) this.connect(item, from, to);
        return;
      case 'look':
        throw new InternalError('a look-ahead is not part of an automaton');
      case 'sequence': {
        let at = from;
        for (const item of pattern.items) {
          const next = this.add();
          this.connect(item, at, next);
          at = next;
        }
        this.states[at].empty.push(to);
        return;
      }
      case 'repeat':
        this.connectRepeat(pattern.item, pattern.min, pattern.max, from, to);
    }
  }

  private connectRepeat(item: Pattern, min: number, max: number, from: number, to: number): void {
    let at = from;
    const once = (): void => {
      const next = this.add();
      this.connect(item, at, next);
      at = next;
    };
    for (let i = 0; i < min; i++) once();
    if (max === Number.POSITIVE_INFINITY) {
      const loop = this.add();
      this.states[at].empty.push(loop);
      at = loop;
      once();
      this.states[at].empty.push(loop);
      this.states[loop].empty.push(to);
      return;
    }
    for (let i = min; i < max; i++) {
      this.states[at].empty.push(to);
      once();
    }
    this.states[at].empty.push(to);
  }
}

function determinise(loose: readonly LooseState[], start: number, end: number): TextAutomaton {
  let work = 0;
  const reach = (from: Iterable<number>, atStart: boolean, atEnd: boolean): Set<number> => {
    const reached = new Set(from);
    const open = [...reached];
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      if (++work > LIMITS.work / 10) throw tooLarge('steps to prepare a pattern', LIMITS.work / 10);
      const { empty, atStart: starts, atEnd: ends } = loose[state];
      for (const to of [...empty, ...(atStart ? starts : []), ...(atEnd ? ends : [])]) {
        if (reached.has(to)) continue;
        reached.add(to);
        open.push(to);
      }
    }
    return reached;
  };

  const ids = new Map<string, number>();
  const sets: Set<number>[] = [];
  const idOf = (set: Set<number>, isStart: boolean): number => {
    const key = `${isStart}${[...set].sort((a, b) => a - b).join()}`;
    let id = ids.get(key);
    if (id === undefined) {
      if (sets.length >= LIMITS.patternStates) throw tooLarge('states of a pattern', LIMITS.patternStates);
      id = sets.push(set) - 1;
      ids.set(key, id);
    }
    return id;
  };
  idOf(reach([start], true, false), true);

  const states: TextState[] = [];
  for (let id = 0; id < sets.length; id++) {
    const out = [...sets[id]].flatMap((state) => loose[state].edges);
    const targets = new Map<number, [number, number][]>();
    for (const [low, high] of cut(out.map(({ set }) => set))) {
      const reached = new Set<number>();
      for (const { set, to } of out) {
        work++;
        if (set.some((range) => range[0] <= low && high <= range[1])) reached.add(to);
      }
      if (reached.size === 0) continue;
      const to = idOf(reach(reached, false, false), false);
      const ranges = targets.get(to);
      if (ranges) ranges.push([low, high]);
      else targets.set(to, [[low, high]]);
    }
    states.push({
      edges: [...targets].map(([to, set]) => ({ set, to })),
      // What holds only at the end of the text is tried where the text could end.
      isEnd: reach(sets[id], id === 0, true).has(end),
    });
  }
  return { states };
}

/** Ranges that no border of the sets divides. */
function cut(sets: readonly CodeSet[]): [number, number][] {
  const borders = [...new Set(sets.flat().flatMap(([low, high]) => [low, high + 1]))].sort((a, b) => a - b);
  return borders.slice(1).map((border, i) => [borders[i], border - 1]);
}
