/** How large constraints may become: whoever sends one must not be able to stop everybody else. */
import { UsageError } from '../../core/errors.ts';

export const LIMITS = {
  schemaBytes: 256 * 1024,
  schemaDepth: 32,
  /** Ways to satisfy one value of a schema, after anyOf and allOf are multiplied out. */
  alternatives: 512,
  /** Values of a schema that differ, and steps to take it apart. */
  schemaValues: 20_000,
  patternBytes: 64 * 1024,
  patternStates: 4_000,
  /** Rules of a written grammar; to find which are possible may take as many rounds. */
  rules: 2_000,
  /** States of the whole automaton. */
  states: 300_000,
  /** Places in the grammar where one answer may be at the same time. */
  positions: 200_000,
  /** Places looked at to find which tokens may come next; about two seconds. */
  work: 40_000_000,
} as const;

export function tooLarge(what: string, limit: number): UsageError {
  return new UsageError(`The constraint is too large: more than ${limit.toLocaleString('en-US')} ${what}`, {
    code: 'constraint-too-large',
    hint: 'use a simpler schema, pattern or list, with smaller bounds',
  });
}
