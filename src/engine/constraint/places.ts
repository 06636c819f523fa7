/**
 * Where an answer is in an automaton: sets of places, each a state with the stack of rules around it. Everything is kept
 * once and shared, and every step is cached, so that following an answer costs a few look-ups for each byte.
 */
import { UsageError } from '../../core/errors.ts';
import type { Automaton, Counter, StepCounter } from './automaton.ts';
import { LIMITS, tooLarge } from './limits.ts';

/** A counted repetition, or a graph whose steps are counted, that is under way: how far, within which other one. */
export interface Count {
  readonly id: number;
  readonly counterState: number;
  readonly count: number;
  readonly outer: Count | undefined;
}

/** A state of a rule, with the repetitions around it; what called the rule is not part of it. */
export interface Position {
  readonly id: number;
  readonly state: number;
  readonly counts: Count | undefined;
}

/** Positions that one rule may be in at the same time. Rules called from different places share it. */
export interface PositionSet {
  readonly key: string;
  readonly positions: readonly Position[];
}

/** A call that has not ended: where to continue, within which other call. */
export interface Frame {
  readonly id: number;
  readonly back: Position;
  readonly outer: Frame | undefined;
}

interface Place {
  readonly position: Position;
  readonly frame: Frame | undefined;
}

/** All that is known of an answer: the places it may be in, by frame, and whether it may end here. */
export interface Configuration {
  readonly groups: readonly { readonly frame: Frame | undefined; readonly set: PositionSet }[];
  readonly isComplete: boolean;
  /** By byte class; undefined where nobody has been yet. */
  readonly next: (Configuration | undefined)[];
}

/** No answer begins like this. */
export const DEAD: Configuration = { groups: [], isComplete: false, next: [] };

/** Beyond these, what is kept is forgotten and made anew as needed. */
const MAX_CONFIGURATIONS = 20_000;
const MAX_FRAMES = 100_000;
const MAX_POSITIONS = 400_000;

export class Places {
  private readonly automaton: Automaton;
  private configurations = new Map<string, Configuration>();
  private sets = new Map<string, PositionSet>();
  private positions = new Map<string, Position>();
  private counts = new Map<string, Count>();
  private frames = new Map<string, Frame>();
  private resumed = new WeakMap<Frame, Configuration>();
  private numIds = 0;
  /** Places looked at since `startWork`. */
  private work = 0;

  constructor(automaton: Automaton) {
    this.automaton = automaton;
  }

  start(): Configuration {
    return this.close([{ position: this.position(this.automaton.start, undefined), frame: undefined }]);
  }

  /** The work until the next call of this must stay below a limit. */
  startWork(): void {
    this.work = 0;
    if (this.configurations.size > MAX_CONFIGURATIONS) this.configurations = new Map();
    if (this.frames.size > MAX_FRAMES || this.positions.size > MAX_POSITIONS) {
      this.frames = new Map();
      this.configurations = new Map();
      this.positions = new Map();
      this.counts = new Map();
      this.sets = new Map();
    }
  }

  step(from: Configuration, byteClass: number): Configuration {
    const known = from.next[byteClass];
    if (known) return known;
    const value = this.automaton.classBytes[byteClass];
    const reached: Place[] = [];
    for (const { frame, set } of from.groups) {
      for (const position of set.positions) {
        for (const edge of this.automaton.states[position.state].bytes) {
          if (value >= edge.low && value <= edge.high) {
            reached.push({ position: this.position(edge.to, position.counts), frame });
          }
        }
        this.count();
      }
    }
    const to = reached.length === 0 ? DEAD : this.close(reached);
    if (from !== DEAD) from.next[byteClass] = to;
    return to;
  }

  /** These positions as if their rule were the whole grammar: complete means that the rule may end. */
  alone(set: PositionSet): Configuration {
    return this.intern([{ frame: undefined, set }], false);
  }

  /** Where an answer is when a call has just ended. */
  resume(frame: Frame): Configuration {
    let to = this.resumed.get(frame);
    if (!to) {
      to = this.close([{ position: frame.back, frame: frame.outer }]);
      this.resumed.set(frame, to);
    }
    return to;
  }

  /**
   * Positions that behave like these for the next `numBytes` bytes, the same for many: what is left of a repetition
   * beyond that cannot matter.
   */
  canonical(set: PositionSet, numBytes: number): PositionSet {
    if (!set.positions.some(({ counts }) => counts)) return set;
    return this.set(
      set.positions.map(({ state, counts }) => this.position(state, this.canonicalCount(counts, numBytes))),
    );
  }

  private canonicalCount(count: Count | undefined, numBytes: number): Count | undefined {
    if (!count) return undefined;
    const { counter, steps } = this.automaton.states[count.counterState];
    const { min, max } = (counter ?? steps) as Counter | StepCounter;
    let value = count.count;
    if (steps) {
      // As long as the way to an end is shorter than what is left, the limit does not matter.
      const far = numBytes + steps.lengths.longestWay;
      if (value >= min && max !== Number.POSITIVE_INFINITY && max - value > far)
        value = Math.max(min, max - far - 1);
    } else if (max === Number.POSITIVE_INFINITY) value = Math.max(value, min - numBytes - 1);
    else if (value >= min && max - value > numBytes) value = Math.max(min, max - numBytes - 1);
    else if (min - value > numBytes) value = Math.max(0, min - numBytes - 1);
    return this.begun(count.counterState, value, this.canonicalCount(count.outer, numBytes));
  }

  /** Follows edges without bytes to all the places from which bytes can follow. */
  private close(begin: Place[]): Configuration {
    const { states } = this.automaton;
    const open = begin;
    const seen = new Set<string>();
    const byFrame = new Map<Frame | undefined, Position[]>();
    let isComplete = false;
    const visit = (state: number, counts: Count | undefined, frame: Frame | undefined): void => {
      open.push({ position: this.position(state, counts), frame });
    };
    for (let place = open.pop(); place; place = open.pop()) {
      const { position, frame } = place;
      const key = `${position.id},${frame?.id ?? -1}`;
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > LIMITS.positions) throw tooLarge('places at once', LIMITS.positions);
      this.count();
      const state = states[position.state];
      const { counts } = position;
      if (state.bytes.length > 0) {
        const list = byFrame.get(frame);
        if (list) list.push(position);
        else byFrame.set(frame, [position]);
      }
      for (const to of state.empty) visit(to, counts, frame);
      for (const { start, back } of state.calls) {
        visit(start, undefined, this.called(this.position(back, counts), frame));
      }
      if (state.counter) this.enterCounter(position.state, 0, counts, frame, visit);
      if (state.steps) visit(state.steps.body, this.begun(position.state, 0, counts), frame);
      if (state.ticks && counts) {
        const { min, max, lengths } = states[counts.counterState].steps as StepCounter;
        const done = counts.count + 1;
        // Without an upper bound, all counts from the lower one on are the same.
        const count = max === Number.POSITIVE_INFINITY ? Math.min(done, min) : done;
        const inside = this.begun(counts.counterState, count, counts.outer);
        for (const { to, node } of state.ticks)
          if (lengths.has(node, min - done, max - done)) visit(to, inside, frame);
      }
      if (state.ends === 'steps' && counts) {
        const { next, min } = states[counts.counterState].steps as StepCounter;
        if (counts.count >= min) visit(next, counts.outer, frame);
      }
      if (state.ends === 'body' && counts) {
        this.enterCounter(counts.counterState, counts.count, counts.outer, frame, visit);
      }
      if (state.ends === 'rule') {
        if (frame) open.push({ position: frame.back, frame: frame.outer });
        else isComplete = true;
      }
    }
    const groups = [...byFrame].map(([frame, positions]) => ({ frame, set: this.set(positions) }));
    return this.intern(groups, isComplete);
  }

  /** At a counted repetition whose body was matched `done` times. */
  private enterCounter(
    counterState: number,
    done: number,
    outer: Count | undefined,
    frame: Frame | undefined,
    visit: (state: number, counts: Count | undefined, frame: Frame | undefined) => void,
  ): void {
    const { body, next, min, max } = this.automaton.states[counterState].counter as Counter;
    if (done >= min) visit(next, outer, frame);
    if (done >= max) return;
    // Without an upper bound, all counts from the lower one on are the same.
    const count = max === Number.POSITIVE_INFINITY ? Math.min(done + 1, min) : done + 1;
    visit(body, this.begun(counterState, count, outer), frame);
  }

  private position(state: number, counts: Count | undefined): Position {
    const key = `${state},${counts?.id ?? -1}`;
    let found = this.positions.get(key);
    if (!found) {
      found = { id: this.numIds++, state, counts };
      this.positions.set(key, found);
    }
    return found;
  }

  private begun(counterState: number, count: number, outer: Count | undefined): Count {
    const key = `${counterState},${count},${outer?.id ?? -1}`;
    let found = this.counts.get(key);
    if (!found) {
      found = { id: this.numIds++, counterState, count, outer };
      this.counts.set(key, found);
    }
    return found;
  }

  private called(back: Position, outer: Frame | undefined): Frame {
    const key = `${back.id},${outer?.id ?? -1}`;
    let found = this.frames.get(key);
    if (!found) {
      found = { id: this.numIds++, back, outer };
      this.frames.set(key, found);
    }
    return found;
  }

  private set(positions: readonly Position[]): PositionSet {
    const sorted = [...positions].sort((a, b) => a.id - b.id);
    const key = sorted.map(({ id }) => id).join();
    let found = this.sets.get(key);
    if (!found) {
      found = { key, positions: sorted };
      this.sets.set(key, found);
    }
    return found;
  }

  private intern(groups: Configuration['groups'], isComplete: boolean): Configuration {
    const parts = groups.map(({ frame, set }) => `${frame?.id ?? -1}:${set.key}`);
    const key = `${isComplete}|${parts.sort().join('|')}`;
    let found = this.configurations.get(key);
    if (!found) {
      found = { groups, isComplete, next: new Array(this.automaton.classBytes.length) };
      this.configurations.set(key, found);
    }
    return found;
  }

  private count(): void {
    if (++this.work <= LIMITS.work) return;
    throw new UsageError('The constraint is too ambiguous to follow', {
      code: 'constraint-too-large',
      hint: 'use a simpler schema or pattern, with fewer nested repetitions and alternatives',
    });
  }
}
