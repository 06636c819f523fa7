import { expect } from 'vitest';
import type { CaseResult } from './run-case.ts';

/** Integers must be equal; floats may differ by `tolerance` times the largest finite magnitude that is expected. */
export function expectClose(result: CaseResult, expected: ArrayLike<number>, tolerance: number): void {
  const wanted = Array.from(expected);
  const found = Array.from(result.values);
  expect(found).toHaveLength(wanted.length);
  if (result.type === 'i32') {
    expect(found).toEqual(wanted);
    return;
  }
  const scale = wanted.filter(Number.isFinite).reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const limit = tolerance * (scale || 1);
  const wrong = wanted.findIndex(
    (value, i) => !Object.is(value, found[i]) && !(Math.abs(value - found[i]) <= limit),
  );
  const message = `element ${wrong} is ${found[wrong]}, expected ${wanted[wrong]} ± ${limit}`;
  expect(wrong, message).toBe(-1);
}
