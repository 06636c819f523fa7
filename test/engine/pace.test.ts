import { describe, expect, it } from 'vitest';
import { Pace } from '../../src/engine/pace.ts';
import type { Share } from '../../src/engine/scheduler.ts';

/** A step of which only the number of tokens of each request counts. */
const shares = (...counts: number[]): Share[] => counts.map((count) => ({ count }) as Share);

describe('Pace', () => {
  it('allows a token for each millisecond before anything is measured', () => {
    expect(new Pace().prefillBudget).toBe(150);
  });

  it('allows as many tokens of a prompt as fit into 150 ms', () => {
    const pace = new Pace();
    pace.measure(shares(100), 50);
    expect(pace.prefillBudget).toBe(300);
  });

  it('allows 16 tokens however slow the machine is, and is not stopped by steps that take no time', () => {
    const slow = new Pace();
    slow.measure(shares(32), 60_000);
    expect(slow.prefillBudget).toBe(16);
    const fast = new Pace();
    fast.measure(shares(512), 0);
    expect(fast.prefillBudget).toBe(150_000);
  });

  it('does not count what the next tokens of other requests take against prompts', () => {
    const pace = new Pace();
    pace.measure(shares(1, 1), 40);
    pace.measure(shares(1, 1, 100), 40 + 200);
    expect(pace.prefillBudget).toBe(75);
  });

  it('moves a fifth of the way to each new measurement', () => {
    const pace = new Pace();
    pace.measure(shares(100), 100);
    pace.measure(shares(100), 600);
    expect(pace.prefillBudget).toBe(75);
    for (let i = 0; i < 50; i++) pace.measure(shares(100), 600);
    expect(pace.prefillBudget).toBe(25);
  });

  it('learns nothing about prompts from steps with few of their tokens', () => {
    const pace = new Pace();
    pace.measure(shares(15), 10_000);
    pace.measure(shares(1, 1), 10_000);
    expect(pace.prefillBudget).toBe(150);
  });
});
