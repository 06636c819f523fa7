/**
 * An automaton over bytes with a stack: states with edges for bytes, calls of rules, and counted repetitions. Flat arrays, so
 * that a thread can hand over hundreds of thousands of states at once, and so that it is known how much memory they take.
 */
export interface Automaton {
  readonly start: number;
  /** Bytes that no edge distinguishes have the same class. */
  readonly classOf: Uint8Array;
  /** One byte of each class. */
  readonly classBytes: Uint8Array;
  /** Lowest byte, highest byte, where to. */
  readonly bytes: Edges;
  /** Where to, without a byte. */
  readonly empty: Edges;
  /** First state of a rule, where to continue when the rule has ended. */
  readonly calls: Edges;
  /**
   * The next step of a counted graph begins: where to, and the graph's state that it will lead to. It may only begin if an
   * allowed number of steps leads on from there: halfway through a character it would be too late.
   */
  readonly ticks: Edges;
  /** By state: its row in `counters`, or -1. */
  readonly counterOf: Int32Array;
  readonly counters: readonly Counter[];
  /** What ends at a state: nothing or one of `ENDS`. */
  readonly ends: Uint8Array;
}

/** Edges of one kind: those of state s are the rows from `starts[s]` up to `starts[s + 1]`. */
export interface Edges {
  readonly starts: Int32Array;
  readonly rows: Int32Array;
}

export const ENDS = { rule: 1, body: 2, steps: 3 } as const;

/**
 * A repetition: leads into `body` while the count is below `max`, and on to `next` from `min` on. With `lengths`, `body` is a
 * graph whose steps are counted, and its ends lead to `next` if there were `min` to `max` of them.
 */
export interface Counter {
  readonly body: number;
  readonly next: number;
  readonly min: number;
  readonly max: number;
  readonly lengths?: PathLengths;
}

/** How many steps lead from each state of a graph to an end. */
export interface PathLengths {
  /** Most steps that any state needs to get to the nearest end. */
  readonly longestWay: number;
  /** By state: lengths in ascending order, those from `starts[state]` up to `starts[state + 1]`. */
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  /** From here on they repeat with `period`; 0: never. */
  readonly periodStart: number;
  readonly period: number;
}

/** Bytes of memory. */
export function automatonBytes(automaton: Automaton): number {
  const sizes = arraysOf(automaton).map(({ byteLength }) => byteLength);
  return sizes.reduce((sum, size) => sum + size, COUNTER_BYTES * automaton.counters.length);
}

/** What another thread can take over without a copy. */
export function automatonBuffers(automaton: Automaton): ArrayBuffer[] {
  return arraysOf(automaton).map(({ buffer }) => buffer as ArrayBuffer);
}

function arraysOf(automaton: Automaton): (Int32Array | Uint8Array)[] {
  const { bytes, empty, calls, ticks, counterOf, counters, ends, classOf, classBytes } = automaton;
  const edges = [bytes, empty, calls, ticks].flatMap(({ starts, rows }) => [starts, rows]);
  const lengths = counters.flatMap(({ lengths: paths }) => (paths ? [paths.starts, paths.lengths] : []));
  return [classOf, classBytes, counterOf, ends, ...edges, ...lengths];
}

/** An object with five fields, and two typed arrays. */
const COUNTER_BYTES = 400;
