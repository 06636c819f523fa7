import { UsageError } from '../core/errors.ts';
import { type ConstraintSpec, compileConstraint } from '../engine/constraint/compile-constraint.ts';
import type { Constraint } from '../engine/constraint/constraint.ts';
import { tokenTrieOf } from '../engine/constraint/token-trie.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { badRequest } from './api-error.ts';

const MAX_KEPT = 16;

/** A constraint and the field of the request that asks for it. */
export interface WantedConstraint {
  readonly spec: ConstraintSpec;
  readonly param: string;
}

/** Compiled constraints, the most recently used ones: clients send the same schema with every request. */
export class ConstraintCache {
  private readonly kept = new Map<string, Constraint>();

  /** What all constraints need of a tokenizer. */
  prepare(tokenizer: Tokenizer): void {
    tokenTrieOf(tokenizer);
  }

  /** Throws 400 naming the field for what cannot be promised. */
  get({ spec, param }: WantedConstraint, tokenizer: Tokenizer): Constraint {
    const key = JSON.stringify(spec);
    const known = this.kept.get(key);
    const constraint = known ?? compile({ spec, param }, tokenizer);
    this.kept.delete(key);
    this.kept.set(key, constraint);
    if (this.kept.size > MAX_KEPT) this.kept.delete(this.kept.keys().next().value as string);
    return constraint;
  }
}

function compile({ spec, param }: WantedConstraint, tokenizer: Tokenizer): Constraint {
  try {
    return compileConstraint(spec, tokenizer);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const hint = error.hint === undefined ? '' : `; ${error.hint}`;
    throw badRequest(`${param}: ${error.message}${hint}`, param, error.code.replaceAll('-', '_'));
  }
}
