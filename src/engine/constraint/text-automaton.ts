/** Deterministic automata over characters: patterns and formats of one string are combined here. */
import { InternalError, UsageError } from '../../core/errors.ts';
import { ALL_CODES, type CodeSet, complement, intersect, unite } from './code-points.ts';
import { type Grammar, type Lengths, rule } from './grammar.ts';
import { LIMITS, tooLarge } from './limits.ts';
import type { Pattern } from './pattern-syntax.ts';

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
 * `UsageError` for patterns that are too large, and for look-ahead whose group is followed by more or repeated.
 */
export function textAutomaton(pattern: Pattern, search: boolean): TextAutomaton {
  return build(pattern, search, search);
}

/** Texts that match, any text before and any text after them as said. */
function build(pattern: Pattern, isOpenBefore: boolean, isOpenAfter: boolean): TextAutomaton {
  const loose = new LooseAutomaton();
  const { states } = loose;
  const start = loose.add();
  const end = loose.add();
  const last = isOpenAfter ? loose.add() : end;
  loose.connect(pattern, start, end, { isFirst: !isOpenBefore, isOpen: isOpenAfter, end: last });
  if (isOpenAfter) {
    states[end].empty.push(last);
    states[last].edges.push({ set: ALL_CODES, to: last });
  }
  if (!isOpenBefore) return determinise(states, start, last);
  const first = loose.add();
  states[first].edges.push({ set: ALL_CODES, to: first });
  states[first].empty.push(start);
  return determinise(states, first, last);
}

/** What follows a part of a pattern up to the end of the text, which a look-ahead sees. Undefined where more of the pattern follows. */
type Tail =
  | {
      /** Any text follows, or none. */
      readonly isOpen: boolean;
      /** The state at the end of the text. */
      readonly end: number;
      /** The part is where the text begins. */
      readonly isFirst: boolean;
    }
  | undefined;

/** Texts that it does not accept. */
export function complementOf({ states }: TextAutomaton): TextAutomaton {
  const free = states.length;
  const negated = states.map(({ edges, isEnd }) => ({
    edges: [...edges, { set: complement(unite(edges.map(({ set }) => set))), to: free }],
    isEnd: !isEnd,
  }));
  return { states: [...negated, { edges: [{ set: ALL_CODES, to: free }], isEnd: true }] };
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

  connect(pattern: Pattern, from: number, to: number, tail: Tail): void {
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
        for (const item of pattern.items) this.connect(item, from, to, tail);
        return;
      case 'look':
        this.connectLook([pattern], from, tail);
        return;
      case 'sequence':
        this.connectSequence(pattern.items, from, to, tail);
        return;
      case 'repeat':
        this.connectRepeat(pattern, from, to, tail);
    }
  }

  private connectSequence(items: readonly Pattern[], from: number, to: number, tail: Tail): void {
    let at = from;
    let isFirst = tail?.isFirst === true;
    for (const [i, item] of items.entries()) {
      if (item.kind === 'look') {
        this.connectLook(items.slice(i), at, tail && { ...tail, isFirst });
        return;
      }
      const rest = items.slice(i + 1);
      const isLast = rest.every(({ kind }) => kind === 'end');
      const next = this.add();
      // Before "$", nothing but the end of the text follows.
      const own =
        isLast && tail ? { end: tail.end, isOpen: tail.isOpen && rest.length === 0, isFirst } : undefined;
      this.connect(item, at, next, own);
      // What may be empty may leave the next item first; then "^" in it would hold sometimes, so it counts as not first.
      isFirst = item.kind === 'start';
      at = next;
    }
    this.states[at].empty.push(to);
  }

  /** A look-ahead and what follows it: all the rest of the text has to fit both. */
  private connectLook(items: readonly Pattern[], from: number, tail: Tail): void {
    const [look, ...rest] = items;
    if (look.kind !== 'look') throw new InternalError('a look-ahead is expected');
    if (!tail || (!tail.isFirst && items.some(hasStart))) {
      throw new UsageError(
        'Cannot use a pattern in which more follows the group of a look-ahead, or repeats it',
        {
          code: 'unsupported-pattern',
          hint: 'use alternatives instead of the look-ahead',
        },
      );
    }
    const wanted = build({ kind: 'sequence', items: rest }, false, tail.isOpen);
    const begins = build(look.item, false, true);
    const { states } = both(wanted, look.isNegative ? complementOf(begins) : begins);
    const own = states.map(() => this.add());
    this.states[from].empty.push(own[0]);
    for (const [i, { edges, isEnd }] of states.entries()) {
      for (const { set, to } of edges) this.states[own[i]].edges.push({ set, to: own[to] });
      if (isEnd) this.states[own[i]].atEnd.push(tail.end);
    }
  }

  private connectRepeat(
    { item, min, max }: Pattern & { readonly kind: 'repeat' },
    from: number,
    to: number,
    tail: Tail,
  ): void {
    let at = from;
    const once = (): void => {
      const next = this.add();
      this.connect(item, at, next, max === 1 ? tail : undefined);
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

function hasStart(pattern: Pattern): boolean {
  if (pattern.kind === 'sequence' || pattern.kind === 'choice') return pattern.items.some(hasStart);
  return (
    pattern.kind === 'start' ||
    ((pattern.kind === 'repeat' || pattern.kind === 'look') && hasStart(pattern.item))
  );
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

  const classes = new CharacterClasses(loose.flatMap(({ edges }) => edges.map(({ set }) => set)));
  const states: TextState[] = [];
  for (let id = 0; id < sets.length; id++) {
    const reachedBy = new Map<number, Set<number>>();
    for (const state of sets[id]) {
      for (const { set, to } of loose[state].edges) {
        const own = classes.of(set);
        work += own.length;
        for (const one of own) {
          const reached = reachedBy.get(one);
          if (reached) reached.add(to);
          else reachedBy.set(one, new Set([to]));
        }
      }
    }
    const targets = new Map<number, number[]>();
    for (const [one, reached] of reachedBy) {
      const to = idOf(reach(reached, false, false), false);
      const list = targets.get(to);
      if (list) list.push(one);
      else targets.set(to, [one]);
    }
    states.push({
      edges: [...targets].map(([to, list]) => ({ set: classes.union(list), to })),
      // What holds only at the end of the text is tried where the text could end.
      isEnd: reach(sets[id], id === 0, true).has(end),
    });
  }
  return { states };
}

/** Characters that no set of a pattern distinguishes, one class for each kind: a property of Unicode has hundreds of ranges. */
class CharacterClasses {
  private readonly classesOf = new Map<CodeSet, readonly number[]>();
  private readonly codes: [number, number][][] = [];
  private readonly unions = new Map<string, CodeSet>();

  constructor(sets: readonly CodeSet[]) {
    const byKey = new Map<string, { list: number[]; set: CodeSet }>();
    for (const set of sets) {
      const key = set.join();
      const known = byKey.get(key) ?? { list: [], set };
      byKey.set(key, known);
      this.classesOf.set(set, known.list);
    }
    const distinct = [...byKey.values()];
    // Where a set begins or ends, from left to right: between two such borders all characters are in the same sets.
    const borders = distinct.flatMap(({ set }, index) =>
      set.flatMap(([low, high]) => [
        { at: low, index },
        { at: high + 1, index },
      ]),
    );
    borders.sort((a, b) => a.at - b.at);
    const ids = new Map<string, number>();
    const inside = new Set<number>();
    for (const [i, { at, index }] of borders.entries()) {
      if (!inside.delete(index)) inside.add(index);
      const end = borders[i + 1]?.at ?? at;
      if (end === at || inside.size === 0) continue;
      const key = [...inside].sort((a, b) => a - b).join();
      let id = ids.get(key);
      if (id === undefined) {
        id = this.codes.push([]) - 1;
        ids.set(key, id);
        for (const one of inside) distinct[one].list.push(id);
      }
      this.codes[id].push([at, end - 1]);
    }
  }

  of(set: CodeSet): readonly number[] {
    return this.classesOf.get(set) ?? [];
  }

  union(classes: readonly number[]): CodeSet {
    const key = [...classes].sort((a, b) => a - b).join();
    let codes = this.unions.get(key);
    if (!codes) {
      codes = unite(classes.map((one) => this.codes[one]));
      this.unions.set(key, codes);
    }
    return codes;
  }
}
