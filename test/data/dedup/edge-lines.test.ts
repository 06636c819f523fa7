import { describe, expect, it } from 'vitest';
import { EdgeLineFilter, edgeLines, withoutLines } from '../../../src/data/dedup/edge-lines.ts';

const positions = (text: string): number[] => edgeLines(text).map(({ position }) => position);
const numbered = (count: number): string => Array.from({ length: count }, (_, i) => `line ${i}`).join('\n');

describe('edgeLines()', () => {
  it('takes the first and the last five lines', () => {
    expect(positions(numbered(20))).toEqual([0, 1, 2, 3, 4, 15, 16, 17, 18, 19]);
    expect(positions(numbered(10))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('counts every line of a short document once', () => {
    for (const count of [1, 4, 5, 6, 9]) expect(positions(numbered(count))).toHaveLength(count);
    expect(positions('')).toEqual([]);
  });

  it('leaves out lines that are empty or hold only spaces or symbols', () => {
    expect(positions('a\n\n  \t\n***\n· — ·\nb\n1\n好')).toEqual([0, 5, 6, 7]);
  });

  it('compares lines without the spaces around them', () => {
    const [a, b, c] = edgeLines('  Home\r\nHome\nhome');
    expect(a.hash).toBe(b.hash);
    expect(a.hash).not.toBe(c.hash);
  });

  it('cuts where the lines are', () => {
    const text = numbered(12);
    for (const { start, end, position } of edgeLines(text))
      expect(text.slice(start, end)).toBe(`line ${position}`);
  });

  it('reads no more than the ends of a text without line breaks', () => {
    const text = 'x'.repeat(100_000_000);
    expect(edgeLines(text)).toHaveLength(1);
  });
});

describe('withoutLines()', () => {
  it('deletes lines with their breaks, at either end and between', () => {
    const text = 'a\nb\nc\nd';
    const lines = edgeLines(text);
    expect(withoutLines(text, [lines[0]])).toBe('b\nc\nd');
    expect(withoutLines(text, [lines[3]])).toBe('a\nb\nc');
    expect(withoutLines(text, [lines[1], lines[2]])).toBe('a\nd');
    expect(withoutLines(text, lines)).toBe('');
    expect(withoutLines('a\nb\n', [edgeLines('a\nb\n')[1]])).toBe('a\n');
  });
});

describe('EdgeLineFilter', () => {
  it('keeps the first 200 occurrences of a line and deletes the others', () => {
    const filter = new EdgeLineFilter();
    const results = Array.from({ length: 205 }, (_, i) => filter.filter(`Home\ntext ${i}\nends`).text);
    expect(results[199]).toBe('Home\ntext 199\nends');
    expect(results[200]).toBe('text 200');
    expect(results[204]).toBe('text 204');
  });

  it('gives a document that loses nothing back as it was', () => {
    const text = ' odd \r\n\r\n text\n';
    expect(new EdgeLineFilter().filter(text).text).toBe(text);
  });

  it('counts a line twice that a document holds twice, and deletes only at the ends', () => {
    const filter = new EdgeLineFilter({ maxOccurrences: 1 });
    const middle = Array.from({ length: 6 }, (_, i) => `own ${i}`).join('\n');
    const { text, removed } = filter.filter(`x\nx\n1\n2\n3\n${middle}\nx\n4\n5\n6\n7\nx`);
    expect(removed.map(({ position }) => position)).toEqual([1, 16]);
    expect(text).toBe(`x\n1\n2\n3\n${middle}\nx\n4\n5\n6\n7`);
  });

  it('is the two-pass rule when the order is fixed', () => {
    const docs = Array.from({ length: 60 }, (_, i) => `menu ${i % 3}\nbody ${i}\nfoot ${i % 2}`);
    const maxOccurrences = 7;
    const seen = new Map<string, number>();
    const expected = docs.map((doc) =>
      doc
        .split('\n')
        .filter((line) => {
          seen.set(line, (seen.get(line) ?? 0) + 1);
          return seen.get(line)! <= maxOccurrences;
        })
        .join('\n'),
    );
    const filter = new EdgeLineFilter({ maxOccurrences });
    expect(docs.map((doc) => filter.filter(doc).text)).toEqual(expected);
  });

  it('continues with the counts of earlier batches', () => {
    const docs = Array.from({ length: 30 }, (_, i) => `menu\n${i}`);
    const whole = new EdgeLineFilter({ maxOccurrences: 20 });
    const first = new EdgeLineFilter({ maxOccurrences: 20 });
    const expected = docs.map((doc) => whole.filter(doc).text);
    const found = docs.slice(0, 15).map((doc) => first.filter(doc).text);
    const second = new EdgeLineFilter({
      maxOccurrences: 20,
      carried: JSON.parse(JSON.stringify([...first.entries()])),
    });
    found.push(...docs.slice(15).map((doc) => second.filter(doc).text));
    expect(found).toEqual(expected);
  });
});
