import { expect, it } from 'vitest';
import { markdownBlocks } from '../../page/src/markdown/blocks.ts';
import { nestingOf } from '../../page/src/markdown/nesting.ts';
import { HOSTILE } from './hostile.ts';

const html = (text: string): string => markdownBlocks(text).join('');

it('a line of an answer stays a line', () => {
  expect(html('An old silent pond\nA frog jumps into the pond\nSplash')).toMatch(
    /pond<br>\s*A frog jumps into the pond<br>\s*Splash/,
  );
});

it('lists with [ ] and [x] show boxes, and other brackets stay', () => {
  const list = html('- [ ] open\n- [x] done\n- [y] neither\n\n1. [X] numbered\n\n[x] no list');
  expect(list).toContain('<li class="task">☐ open</li>');
  expect(list).toContain('<li class="task">☑ done</li>');
  expect(list).toContain('<li>[y] neither</li>');
  expect(list).toContain('<li class="task">☑ numbered</li>');
  expect(list).toContain('<p>[x] no list</p>');
});

it('headings of an answer lie below the heading of the answer, and look as they were written', () => {
  expect(html('# One\n\n## Two\n\n###### Six')).toBe(
    '<h3 class="level-1">One</h3>\n<h4 class="level-2">Two</h4>\n<h6 class="level-6">Six</h6>\n',
  );
});

it('footnotes have numbers and ways there and back; patterns such as ^[a-z] stay text', () => {
  const blocks = markdownBlocks('Water[^w] and ^[a-z]+\n\n[^w]: H2O\n\nThe end.');
  expect(blocks).toHaveLength(3);
  expect(blocks[0]).toContain('<sup><button type="button" class="note-ref" value="1">1</button></sup>');
  expect(blocks[0]).toContain('^[a-z]+');
  expect(blocks[2]).toMatch(/<li value="1" tabindex="-1"><p>H2O.*class="note-back"/);
  const many = Array.from({ length: 300 }, (_, i) => `x[^${i}]\n\n[^${i}]: note`).join('\n\n');
  expect(html(many)).toContain('<p>x[^299]</p>');
});

it('links that lead nowhere are text, and images are links', () => {
  expect(html('[place](#there) [file](./notes.md) [script](javascript:alert(1)) [none]()')).toBe(
    '<p>place file [script](javascript:alert(1)) none</p>\n',
  );
  expect(html('[*far*](https://example.org/)')).toContain('<a href="https://example.org/"><em>far</em></a>');
  expect(html('![picture](https://example.org/a.png) ![local](a.png)')).toBe(
    '<p><a href="https://example.org/a.png">picture</a> local</p>\n',
  );
});

it('formulas are found in lines, blocks, lists and quotations, and money is not one', () => {
  const maths = (text: string): readonly string[] =>
    [...html(text).matchAll(/class="maths[^>]*>([^<]*)</g)].map(([, tex]) => tex);
  expect(maths('$x$, \\(y\\), $$z$$ and $5 or $6')).toEqual(['x', 'y', 'z']);
  expect(maths('$$\na\n+b\n$$\n\n\\[ c \\]\n\n- \\[\n  d\n  \\]\n\n> $$\n> e\n> $$')).toEqual([
    'a\n+b',
    'c',
    'd',
    'e',
  ]);
  expect(maths('A paragraph\n$$\nf\n$$\nand \\$5 $g\\$h$')).toEqual(['f', 'g\\$h']);
  expect(maths('> \\[ open\n\nend \\]')).toEqual([]);
});

it('what is nested too deep is shown as it was written, and none of it is lost', () => {
  const items = Array.from({ length: 500 }, (_, i) => `${' '.repeat(2 * i)}- item ${i}`);
  const list = html(items.join('\n'));
  for (let i = 0; i < 500; i++) expect(list).toContain(`item ${i}`);
  expect(list.split('<ul>').length).toBeLessThan(20);
  expect(html(`${'>'.repeat(500)} deep`)).toContain('deep');
  const emphasis = html(`${'*a **b '.repeat(1000)}c${'*'.repeat(3000)}`);
  expect(emphasis.split('<em>').length + emphasis.split('<strong>').length).toBeLessThan(30);
  expect(emphasis.split('</em>').length).toBe(emphasis.split('<em>').length);
});

it('a large table begins with what can be shown at once and can be shown whole', () => {
  const table = (rows: number, columns: number): string =>
    `|${'h|'.repeat(columns)}\n|${'-|'.repeat(columns)}\n${`|${'c|'.repeat(columns)}\n`.repeat(rows)}`;
  const cells = (text: string): number => text.split(/<t[hd]>/).length - 1;
  const large = html(`${table(200, 300)}\nafter`);
  expect(cells(large)).toBeLessThan(3500);
  expect(large).toContain('class="all-rows" value="200 300"');
  expect(large).toContain('<p>after</p>');
  const wide = html(table(2, 2000));
  expect(cells(wide)).toBe(900);
  expect(wide).toContain('value="2 2000"');
  expect(cells(markdownBlocks(table(200, 300), { hasAllRows: true }).join(''))).toBe(60_300);
  expect(html(table(100, 10))).not.toContain('all-rows');
});

it('nestingOf() counts braces, \\left and \\begin, but no escaped ones', () => {
  expect(nestingOf('x^{a^{b}}')).toBe(2);
  expect(nestingOf('\\left( \\begin{matrix} 1 \\end{matrix} \\right)')).toBe(3);
  expect(nestingOf('\\{\\{\\leftarrow\\{')).toBe(0);
  expect(nestingOf('{'.repeat(3000))).toBe(3000);
});

/** Time of the processor, which other work on the machine does not lengthen. */
function cpuMs(text: string): number {
  const times = [1, 2].map(() => {
    const before = process.cpuUsage();
    markdownBlocks(text);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}

it.each(Object.keys(HOSTILE))('takes time in proportion to the length: %s', (name) => {
  const make = HOSTILE[name];
  markdownBlocks(make(500));
  const once = cpuMs(make(1000));
  const eight = cpuMs(make(8000));
  // The square would be 64 times as long; short times are all noise.
  expect(eight).toBeLessThan(8 * 3 * Math.max(once, 2));
});
