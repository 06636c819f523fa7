import { InternalError, UsageError } from '../../core/errors.ts';
import { toEnd } from '../../text/steps.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import { type Automaton, automatonBytes } from './automaton.ts';
import { buildAutomaton } from './build-automaton.ts';
import type { Constraint, ConstraintState } from './constraint.ts';
import type { SchemaGrammar } from './json-schema.ts';
import { type Configuration, DEAD, Places, Work } from './places.ts';
import { TokenMasks } from './token-masks.ts';
import { tokenTrieOf } from './token-trie.ts';

/** A constraint without a tokenizer: plain data, which another thread can make. */
export interface CompiledConstraint {
  readonly automaton: Automaton;
  readonly ignored: readonly string[];
}

/** Throws `UsageError` for grammars that nothing matches and that are too large. */
export function compileGrammar({ grammar, ignored }: SchemaGrammar): CompiledConstraint {
  const automaton = buildAutomaton(grammar);
  if (!automaton) {
    throw new UsageError('Nothing can satisfy the constraint', {
      code: 'unsatisfiable-constraint',
      hint: 'look for values that contradict each other, or that always contain themselves',
    });
  }
  // What is too ambiguous from the beginning is refused before there is an answer.
  toEnd(new Places(automaton).start(new Work()));
  return { automaton, ignored };
}

export function constrainTokens(
  { automaton, ignored }: CompiledConstraint,
  tokenizer: Tokenizer,
): Constraint {
  const masks = new TokenMasks(automaton, tokenTrieOf(tokenizer), tokenizer.vocabSize);
  const shared = { masks, tokenizer, classOf: automaton.classOf, ends: new Set(tokenizer.special.eos) };
  const ownBytes = automatonBytes(automaton);
  return {
    start: () => new State(shared),
    ignored,
    get sizeBytes() {
      return ownBytes + masks.sizeBytes;
    },
  };
}

interface Shared {
  readonly masks: TokenMasks;
  readonly tokenizer: Tokenizer;
  readonly classOf: Uint8Array;
  readonly ends: ReadonlySet<number>;
}

class State implements ConstraintState {
  private readonly shared: Shared;
  /** Undefined before the first use. */
  private configuration: Configuration | undefined;
  private known: Uint32Array | undefined;

  constructor(shared: Shared, configuration?: Configuration) {
    this.shared = shared;
    this.configuration = configuration;
  }

  mask(): Uint32Array {
    return toEnd(this.findMask());
  }

  accept(token: number): void {
    toEnd(this.step(token));
  }

  *advance(token?: number): Generator<void, void> {
    if (token !== undefined) yield* this.step(token);
    yield* this.findMask();
  }

  private *findMask(): Generator<void, Uint32Array> {
    if (this.known) return this.known;
    const { masks, ends } = this.shared;
    masks.places.forgetIfLarge();
    const work = new Work();
    this.configuration ??= yield* masks.places.start(work);
    const { configuration } = this;
    const mask = yield* masks.maskOf(configuration, work);
    if (configuration.isComplete) for (const id of ends) mask[id >> 5] |= 1 << (id & 31);
    this.known = mask;
    return mask;
  }

  private *step(token: number): Generator<void, void> {
    const { masks, tokenizer, classOf, ends } = this.shared;
    const work = new Work();
    let to = this.configuration ?? (yield* masks.places.start(work));
    if (ends.has(token)) to = to.isComplete ? { groups: [], isComplete: true, next: [] } : DEAD;
    else if (tokenizer.isControl(token)) to = DEAD;
    else {
      const bytes = tokenizer.decodeBytes(token);
      if (bytes.length === 0) to = DEAD;
      for (const value of bytes) to = yield* masks.places.step(to, classOf[value], work);
    }
    if (to === DEAD) throw new InternalError(`token ${token} does not fit the constraint`);
    this.configuration = to;
    this.known = undefined;
  }

  private get now(): Configuration {
    this.configuration ??= toEnd(this.shared.masks.places.start(new Work()));
    return this.configuration;
  }

  get isComplete(): boolean {
    return this.now.isComplete;
  }

  get isFinished(): boolean {
    return this.now.isComplete && this.now.groups.length === 0;
  }

  clone(): ConstraintState {
    return new State(this.shared, this.configuration);
  }
}
