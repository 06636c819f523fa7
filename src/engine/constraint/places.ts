/**
 * Where an answer is in an automaton: sets of places, each a state with the stack of rules around it. Everything is kept
 * once and shared, and every step is cached, so that following an answer costs a few look-ups for each byte.
 */
import { UsageError } from '../../core/errors.ts';
import { type Automaton, type Counter, ENDS } from './automaton.ts';
import { LIMITS, tooLarge } from './limits.ts';
import { hasLength } from './path-lengths.ts';

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

type Visit = (state: number, counts: Count | undefined, frame: Frame | undefined) => void;

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

/** Beyond this, what is kept is forgotten and made anew as needed. */
const MAX_KEPT_BYTES = 32 * 2 ** 20;
/** Of an object with its entry in a map, without what it refers to. */
const ENTRY_BYTES = 160;
/** Places looked at between two pauses, about a millisecond. */
const STEP_PLACES = 1024;

/** What finding one mask has taken so far. */
export class Work {
  private numPlaces = 0;

  /** Throws `UsageError` when there were too many places to look at. True at times when there should be a pause. */
  count(): boolean {
    if (++this.numPlaces > LIMITS.work)
      throw new UsageError('The constraint is too ambiguous to follow', {
        code: 'constraint-too-large',
        hint: 'use a simpler schema or pattern, with fewer nested repetitions and alternatives',
      });
    return this.numPlaces % STEP_PLACES === 0;
  }
}

export class Places {
  private readonly automaton: Automaton;
  private configurations = new Map<string, Configuration>();
  private sets = new Map<string, PositionSet>();
  private positions = new Map<string, Position>();
  private counts = new Map<string, Count>();
  private frames = new Map<string, Frame>();
  private resumed = new WeakMap<Frame, Configuration>();
  private numIds = 0;
  /** Of all that is kept, roughly. */
  private keptBytes = 0;

  constructor(automaton: Automaton) {
    this.automaton = automaton;
  }

  /** About the memory that this takes. */
  get sizeBytes(): number {
    return this.keptBytes;
  }

  start(work: Work): Generator<void, Configuration> {
    return this.close([{ position: this.position(this.automaton.start, undefined), frame: undefined }], work);
  }

  /** To be called between masks. */
  forgetIfLarge(): void {
    if (this.keptBytes <= MAX_KEPT_BYTES) return;
    this.keptBytes = 0;
    this.frames = new Map();
    this.configurations = new Map();
    this.positions = new Map();
    this.counts = new Map();
    this.sets = new Map();
  }

  *step(from: Configuration, byteClass: number, work: Work): Generator<void, Configuration> {
    const known = from.next[byteClass];
    if (known) return known;
    const { classBytes, bytes } = this.automaton;
    const { starts, rows } = bytes;
    const value = classBytes[byteClass];
    const reached: Place[] = [];
    for (const { frame, set } of from.groups) {
      for (const { state, counts } of set.positions) {
        for (let i = 3 * starts[state]; i < 3 * starts[state + 1]; i += 3) {
          if (value >= rows[i] && value <= rows[i + 1])
            reached.push({ position: this.position(rows[i + 2], counts), frame });
        }
        if (work.count()) yield;
      }
    }
    const to = reached.length === 0 ? DEAD : yield* this.close(reached, work);
    from.next[byteClass] = to;
    return to;
  }

  /** These positions as if their rule were the whole grammar: complete means that the rule may end. */
  alone(set: PositionSet): Configuration {
    return this.intern([{ frame: undefined, set }], false);
  }

  /** Where an answer is when a call has just ended. */
  *resume(frame: Frame, work: Work): Generator<void, Configuration> {
    let to = this.resumed.get(frame);
    if (!to) {
      to = yield* this.close([{ position: frame.back, frame: frame.outer }], work);
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
    const { min, max, lengths } = this.counter(count.counterState);
    let value = count.count;
    if (lengths) {
      // As long as the way to an end is shorter than what is left, the limit does not matter.
      const far = numBytes + lengths.longestWay;
      if (value >= min && max !== Number.POSITIVE_INFINITY && max - value > far)
        value = Math.max(min, max - far - 1);
    } else if (max === Number.POSITIVE_INFINITY) value = Math.max(value, min - numBytes - 1);
    else if (value >= min && max - value > numBytes) value = Math.max(min, max - numBytes - 1);
    else if (min - value > numBytes) value = Math.max(0, min - numBytes - 1);
    return this.begun(count.counterState, value, this.canonicalCount(count.outer, numBytes));
  }

  private counter(state: number): Counter {
    const { counterOf, counters } = this.automaton;
    return counters[counterOf[state]];
  }

  /** Follows edges without bytes to all the places from which bytes can follow. */
  private *close(begin: Place[], work: Work): Generator<void, Configuration> {
    const { bytes, empty, calls, ticks, counterOf, ends } = this.automaton;
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
      if (work.count()) yield;
      const { state, counts } = position;
      if (bytes.starts[state] < bytes.starts[state + 1]) {
        const list = byFrame.get(frame);
        if (list) list.push(position);
        else byFrame.set(frame, [position]);
      }
      for (let i = empty.starts[state]; i < empty.starts[state + 1]; i++) visit(empty.rows[i], counts, frame);
      for (let i = calls.starts[state]; i < calls.starts[state + 1]; i++) {
        const back = this.position(calls.rows[2 * i + 1], counts);
        visit(calls.rows[2 * i], undefined, this.called(back, frame));
      }
      if (counterOf[state] >= 0) {
        const { body, lengths } = this.counter(state);
        if (lengths) visit(body, this.begun(state, 0, counts), frame);
        else this.enterCounter(state, 0, counts, frame, visit);
      }
      if (ticks.starts[state] < ticks.starts[state + 1] && counts)
        this.countStep(state, counts, frame, visit);
      if (ends[state] === ENDS.steps && counts) {
        const { next, min } = this.counter(counts.counterState);
        if (counts.count >= min) visit(next, counts.outer, frame);
      }
      if (ends[state] === ENDS.body && counts)
        this.enterCounter(counts.counterState, counts.count, counts.outer, frame, visit);
      if (ends[state] === ENDS.rule) {
        if (frame) open.push({ position: frame.back, frame: frame.outer });
        else isComplete = true;
      }
    }
    const groups = [...byFrame].map(([frame, positions]) => ({ frame, set: this.set(positions) }));
    return this.intern(groups, isComplete);
  }

  /** At a state of a counted graph, from which its next step may begin. */
  private countStep(state: number, counts: Count, frame: Frame | undefined, visit: Visit): void {
    const { starts, rows } = this.automaton.ticks;
    const { min, max, lengths } = this.counter(counts.counterState);
    const done = counts.count + 1;
    // Without an upper bound, all counts from the lower one on are the same.
    const count = max === Number.POSITIVE_INFINITY ? Math.min(done, min) : done;
    const inside = this.begun(counts.counterState, count, counts.outer);
    for (let i = starts[state]; i < starts[state + 1]; i++) {
      const [to, node] = [rows[2 * i], rows[2 * i + 1]];
      if (lengths && hasLength(lengths, node, min - done, max - done)) visit(to, inside, frame);
    }
  }

  /** At a counted repetition whose body was matched `done` times. */
  private enterCounter(
    counterState: number,
    done: number,
    outer: Count | undefined,
    frame: Frame | undefined,
    visit: Visit,
  ): void {
    const { body, next, min, max } = this.counter(counterState);
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
      this.keptBytes += ENTRY_BYTES;
    }
    return found;
  }

  private begun(counterState: number, count: number, outer: Count | undefined): Count {
    const key = `${counterState},${count},${outer?.id ?? -1}`;
    let found = this.counts.get(key);
    if (!found) {
      found = { id: this.numIds++, counterState, count, outer };
      this.counts.set(key, found);
      this.keptBytes += ENTRY_BYTES;
    }
    return found;
  }

  private called(back: Position, outer: Frame | undefined): Frame {
    const key = `${back.id},${outer?.id ?? -1}`;
    let found = this.frames.get(key);
    if (!found) {
      found = { id: this.numIds++, back, outer };
      this.frames.set(key, found);
      this.keptBytes += ENTRY_BYTES;
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
      this.keptBytes += ENTRY_BYTES + key.length + 8 * sorted.length;
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
      this.keptBytes += ENTRY_BYTES + key.length + 8 * found.next.length + 40 * groups.length;
    }
    return found;
  }
}
