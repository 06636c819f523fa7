import { describe, expect, it } from 'vitest';
import { DotsError } from '../../../src/core/errors.ts';
import { extractPage } from '../../../src/data/extract/extract-page.ts';

const MB = 1 << 20;

/** The code of the error, or what came out; and that it didn't take long. */
function outcome(html: string): string {
  const start = performance.now();
  let found: string;
  try {
    found = extractPage(html).text;
  } catch (error) {
    if (!(error instanceof DotsError)) throw error;
    found = error.code;
  }
  // Far above the limit of 1 s: the machine of a test may be busy.
  expect(performance.now() - start).toBeLessThan(15_000);
  return found;
}

describe('extractPage() on pages made to break it', () => {
  it('refuses more than 16 million characters before parsing', () => {
    expect(outcome(`<p>${'x'.repeat(16 * MB)}</p>`)).toBe('page-too-large');
  });

  it.each(['<div>', '<span>', '<ul><li>', '<table><tr><td>', '<a href=x>', '<b><i>'])(
    'refuses endless %s',
    (tag) => {
      expect(outcome(tag.repeat(500_000))).toBe('page-too-deep');
    },
  );

  it.each([
    ['elements', '<p>x</p>'.repeat(600_000)],
    ['attributes', `<div ${'a=b '.repeat(MB)}>text</div>`],
    ['one attribute', `<div class="${'x '.repeat(2 * MB)}">text</div>`],
    ['comments that do not end', '<!-- '.repeat(MB)],
    ['scripts that do not end', '<script>'.repeat(MB)],
    ['pictures that do not end', '<svg>'.repeat(300_000)],
    ['entities', `<p>${'&amp;'.repeat(MB)}</p>`],
    ['table cells', `<table><tr>${'<td colspan=9999999 rowspan=9999999>x'.repeat(50_000)}</table>`],
    ['spaces', `<p>a${' '.repeat(4 * MB)}b</p>`],
    ['open brackets', '<'.repeat(4 * MB)],
    ['a long word', `<p>${'x'.repeat(4 * MB)}</p>`],
    ['dashes', `<title>${' - '.repeat(MB)}</title>`],
    ['meta', `<meta name="a" content="${'='.repeat(MB)}">`.repeat(3)],
    ['data', `<script type="application/ld+json">${'['.repeat(500_000)}</script><p>x</p>`],
    [
      'descriptions',
      `<script type="application/ld+json">{"@type":"Product","description":"${'<'.repeat(200_000)}"}</script>`,
    ],
    ['lines of one look', '<li><a href="#">menu</a></li>'.repeat(20_000)],
    ['dates and prices', `<p>${'1-1-1 $ 1 jan 2 (555) '.repeat(10)}</p>`.repeat(5_000)],
  ])('ends soon on millions of %s', (_, html) => {
    expect(typeof outcome(html)).toBe('string');
  });
});
