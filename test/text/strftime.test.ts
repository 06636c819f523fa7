import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { renderTemplate } from '../../src/text/chat-template.ts';
import { strftime } from '../../src/text/strftime.ts';

// Recorded with Python: test/golden/templates/strftime.py.
const { times, expected } = JSON.parse(
  readFileSync(new URL('../golden/templates/strftime.json', import.meta.url), 'utf8'),
) as { times: number[][]; expected: Record<string, string[]> };

const dates = times.map(
  ([year, month, day, hour, minute, second, microsecond]) =>
    new Date(year, month - 1, day, hour, minute, second, microsecond / 1000),
);

describe('strftime()', () => {
  test.each(Object.entries(expected))('%j is what Python writes', (format, texts) => {
    expect(dates.map((date) => strftime(date, format))).toEqual(texts);
  });

  test('is what templates get', () => {
    const format = '%A, %d %b %Y, %H:%M:%S %p %j %y %I %Z';
    const template = { source: `{{ strftime_now('${format}') }}`, isFallback: false, tokens: {} };
    expect(renderTemplate(template, [], { now: dates[1] })).toBe(
      'Thursday, 29 Feb 2024, 12:05:09 PM 060 24 12 ',
    );
  });
});
