import { describe, expect, it } from 'vitest';
import { PageBudget } from '../../../src/data/extract/budget.ts';
import { CONTEXT_FEATURES, contextFeatures } from '../../../src/data/extract/context-features.ts';
import { LINE_FEATURES, lineFeatures } from '../../../src/data/extract/line-features.ts';
import { parsePage } from '../../../src/data/extract/parse-page.ts';

const PAGE = parsePage(
  `<body><div><h2>One</h2><p>alpha beta gamma</p><p>delta</p></div><ul><li><a href="/">epsilon</a></li><li><a href="/">zeta eta</a></li></ul></body>`,
  new PageBudget(),
);

describe('lineFeatures()', () => {
  const { values, stats } = lineFeatures(PAGE);
  const of = (line: number, name: string): number =>
    values[line * LINE_FEATURES.length + LINE_FEATURES.indexOf(name)];

  it('has one row for each line, each number in its place', () => {
    expect(values.length).toBe(PAGE.lines.length * LINE_FEATURES.length);
    expect(values.every((value) => Number.isFinite(value))).toBe(true);
    expect(PAGE.lines.map((_, i) => of(i, 'words'))).toEqual([1, 3, 1, 1, 2]);
    expect(stats.map(({ words }) => words)).toEqual([1, 3, 1, 1, 2]);
    expect(PAGE.lines.map((_, i) => of(i, 'link-share'))).toEqual([0, 0, 0, 1, 1]);
    expect(of(0, 'heading-level')).toBe(2);
    expect(of(1, 'since-heading')).toBe(1);
    expect(of(3, 'in:list')).toBe(1);
    expect(of(3, 'look-lines')).toBe(2);
    expect(of(1, 'words@1')).toBe(1);
    expect(of(0, 'words@-1')).toBe(-1);
    expect(of(1, 'page-words')).toBe(8);
  });
});

describe('contextFeatures()', () => {
  const { stats, surroundings } = lineFeatures(PAGE);
  const values = contextFeatures(Float32Array.of(0.5, 1, 0.5, 0, 0), stats, surroundings);
  const of = (line: number, name: string): number =>
    values[line * CONTEXT_FEATURES.length + CONTEXT_FEATURES.indexOf(name)];

  it('gives the mean score, by words, of what is around a line', () => {
    expect(values.length).toBe(5 * CONTEXT_FEATURES.length);
    // Weights are words + 0.5: 1.5, 3.5, 1.5, 1.5, 2.5.
    expect(of(1, 'score:parent')).toBeCloseTo((0.5 * 1.5 + 3.5 + 0.5 * 1.5) / 6.5, 5);
    expect(of(3, 'score:look')).toBe(0);
    expect(of(2, 'score@-1')).toBe(1);
    expect(of(0, 'score@-1')).toBe(-1);
    expect(of(2, 'score:heading')).toBe(0.5);
    expect(of(1, 'score:page')).toBeCloseTo(5 / 10.5, 5);
    expect(of(0, 'score:greatest')).toBe(1);
    expect(of(1, 'score:rank')).toBe(0);
    expect(of(0, 'score:rank')).toBeCloseTo(3.5 / 10.5, 5);
  });
});
