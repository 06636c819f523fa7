import { InternalError, UsageError } from '../../core/errors.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import { buildAutomaton } from './automaton.ts';
import type { Constraint, ConstraintState } from './constraint.ts';
import type { Grammar } from './grammar.ts';
import { type Configuration, DEAD } from './places.ts';
import { TokenMasks } from './token-masks.ts';
import { tokenTrieOf } from './token-trie.ts';

/** Grammar and tokenizer -> constraint. Throws `UsageError` for grammars that nothing matches and that are too large. */
export function constrainTokens(
  grammar: Grammar,
  tokenizer: Tokenizer,
  ignored: readonly string[] = [],
): Constraint {
  const automaton = buildAutomaton(grammar);
  if (!automaton) {
    throw new UsageError('Nothing can satisfy the constraint', {
      code: 'unsatisfiable-constraint',
      hint: 'look for values that contradict each other, or that always contain themselves',
    });
  }
  const trie = tokenTrieOf(tokenizer);
  const masks = new TokenMasks(automaton, trie, tokenizer.vocabSize);
  const shared = { masks, tokenizer, classOf: automaton.classOf, ends: new Set(tokenizer.special.eos) };
  const start = masks.places.start();
  return { start: () => new State(shared, start), ignored };
}

interface Shared {
  readonly masks: TokenMasks;
  readonly tokenizer: Tokenizer;
  readonly classOf: Uint8Array;
  readonly ends: ReadonlySet<number>;
}

class State implements ConstraintState {
  private readonly shared: Shared;
  private configuration: Configuration;

  constructor(shared: Shared, configuration: Configuration) {
    this.shared = shared;
    this.configuration = configuration;
  }

  mask(): Uint32Array {
    const { masks, ends } = this.shared;
    masks.places.startWork();
    const mask = masks.maskOf(this.configuration);
    if (this.isComplete) for (const id of ends) mask[id >> 5] |= 1 << (id & 31);
    return mask;
  }

  accept(token: number): void {
    const { masks, tokenizer, classOf, ends } = this.shared;
    let to = this.configuration;
    if (ends.has(token)) to = this.isComplete ? { groups: [], isComplete: true, next: [] } : DEAD;
    else if (tokenizer.isControl(token)) to = DEAD;
    else {
      masks.places.startWork();
      const bytes = tokenizer.decodeBytes(token);
      if (bytes.length === 0) to = DEAD;
      for (const value of bytes) to = masks.places.step(to, classOf[value]);
    }
    if (to === DEAD) throw new InternalError(`token ${token} does not fit the constraint`);
    this.configuration = to;
  }

  get isComplete(): boolean {
    return this.configuration.isComplete;
  }

  get isFinished(): boolean {
    return this.configuration.isComplete && this.configuration.groups.length === 0;
  }

  clone(): ConstraintState {
    return new State(this.shared, this.configuration);
  }
}
