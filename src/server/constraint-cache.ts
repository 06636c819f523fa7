import { DotsError } from '../core/errors.ts';
import { untilAborted } from '../core/until-aborted.ts';
import { constrainTokens } from '../engine/constraint/byte-constraint.ts';
import type { ConstraintSpec } from '../engine/constraint/compile-constraint.ts';
import type { Constraint } from '../engine/constraint/constraint.ts';
import { tokenTrieOf } from '../engine/constraint/token-trie.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { badRequest } from './api-error.ts';
import { ConstraintThreads } from './constraint-threads.ts';

/** Of all constraints that are kept, with the masks that they have found. */
const MAX_KEPT_BYTES = 256 * 2 ** 20;

/** UTF-16 units of all the schemas of a request: to hand them to another thread is one step. */
const MAX_SPEC_UNITS = 4 * 2 ** 20;

/** A constraint and the field of the request that asks for it. */
export interface WantedConstraint {
  readonly spec: ConstraintSpec;
  readonly param: string;
}

/** Who waits for a constraint, and until when. */
export interface Asker {
  readonly client: string;
  readonly signal: AbortSignal;
}

interface Pending {
  readonly constraint: Promise<Constraint>;
  readonly unwanted: AbortController;
  numWaiting: number;
}

/** Compiled constraints, the most recently used ones: clients send the same schema with every request. */
export class ConstraintCache {
  private readonly kept = new Map<string, Constraint>();
  private readonly pending = new Map<string, Pending>();
  private readonly threads = new ConstraintThreads();
  private readonly maxBytes: number;

  constructor(maxBytes = MAX_KEPT_BYTES) {
    this.maxBytes = maxBytes;
  }

  /** What all constraints need of a tokenizer. */
  prepare(tokenizer: Tokenizer): void {
    tokenTrieOf(tokenizer);
  }

  get sizeBytes(): number {
    let sum = 0;
    for (const [key, { sizeBytes }] of this.kept) sum += 2 * key.length + sizeBytes;
    return sum;
  }

  /** Several who ask for the same wait for one. Throws 400 naming the field for what cannot be promised, and the signal's reason. */
  async get({ spec, param }: WantedConstraint, tokenizer: Tokenizer, asker: Asker): Promise<Constraint> {
    // To write megabytes only in order to refuse them would stall every stream.
    const key = hasMoreText(spec, MAX_SPEC_UNITS) ? undefined : JSON.stringify(spec);
    if (key === undefined || key.length > MAX_SPEC_UNITS)
      throw badRequest(
        `${param}: at most ${MAX_SPEC_UNITS} characters of schemas`,
        param,
        'constraint_too_large',
      );
    const known = this.kept.get(key);
    if (known) {
      this.keep(key, known);
      return known;
    }
    const pending = this.pending.get(key) ?? this.begin(key, spec, tokenizer, asker.client);
    pending.numWaiting++;
    try {
      return await untilAborted(pending.constraint, asker.signal);
    } catch (error) {
      throw error instanceof DotsError ? refusal(error, param) : error;
    } finally {
      pending.numWaiting--;
      if (pending.numWaiting === 0) this.leave(key, pending);
    }
  }

  private begin(key: string, spec: ConstraintSpec, tokenizer: Tokenizer, client: string): Pending {
    const unwanted = new AbortController();
    const make = async (): Promise<Constraint> => {
      const compiled = await this.threads.compile(spec, tokenizer, client, unwanted.signal);
      const constraint = constrainTokens(compiled, tokenizer);
      this.keep(key, constraint);
      return constraint;
    };
    const pending = { constraint: make(), unwanted, numWaiting: 0 };
    this.pending.set(key, pending);
    return pending;
  }

  /** Nobody waits: it is there, or it was refused, or all have left and nobody needs it. */
  private leave(key: string, pending: Pending): void {
    if (this.pending.get(key) === pending) this.pending.delete(key);
    pending.unwanted.abort();
  }

  private keep(key: string, constraint: Constraint): void {
    // The order of the map is that of use.
    this.kept.delete(key);
    this.kept.set(key, constraint);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size === 1 || this.sizeBytes <= this.maxBytes) return;
      this.kept.delete(oldest);
    }
  }
}

function refusal(error: DotsError, param: string): unknown {
  if (error.message.startsWith('internal:')) return error;
  const hint = error.hint === undefined ? '' : `; ${error.hint}`;
  return badRequest(`${param}: ${error.message}${hint}`, param, error.code.replaceAll('-', '_'));
}

/** Whether strings and names alone, without quotes and escapes, are longer than `limit`. Looks no further than that. */
function hasMoreText(value: unknown, limit: number): boolean {
  let units = 0;
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next === 'string') units += next.length;
    else if (Array.isArray(next)) for (const item of next) left.push(item);
    else if (typeof next === 'object' && next !== null) {
      for (const [name, inner] of Object.entries(next)) {
        units += name.length;
        left.push(inner);
      }
    }
    if (units > limit) return true;
  }
  return false;
}
