import { expect, it } from 'vitest';
import { markdownBlocks } from '../../page/src/markdown/blocks.ts';
import { GrowingMarkdown } from '../../page/src/markdown/growing.ts';
import { HOSTILE } from './hostile.ts';
import { HostileAnswers } from './hostile-answers.ts';

/** Lines that begin, end or continue blocks, depending on what is above them. */
const LINES = [
  ...[
    '',
    '',
    '',
    'text',
    'text **bold** $x$',
    '# title',
    '===',
    '---',
    '- item',
    '* item',
    '+ item',
    '*',
    '-',
  ],
  ...[
    '1. one',
    '2',
    '2.',
    '2. two',
    '> quote',
    '    code',
    '  more',
    '\tcode',
    '```',
    '```js',
    '~~~',
    '$$',
    'x $$',
  ],
  ...[
    '$$ x $$',
    '\\[',
    '\\]',
    '\\[ y \\]',
    '| a | b |',
    '| - | - |',
    '| 1 | 2 |',
    '   - nested',
    '<b>',
    '\r',
    'a\rb',
  ],
];
const DEFINITIONS = ['[x]: https://example.org', 'see [x] and [^1]', '[^1]: a note', '    of two lines'];

/** The same numbers each time. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function expectSame(text: string, random: (below: number) => number, step: number): void {
  const growing = new GrowingMarkdown();
  for (let end = 1; ; end = Math.min(text.length, end + 1 + random(step))) {
    const part = text.slice(0, end);
    const blocks = growing.blocks(part, false);
    const whole = markdownBlocks(part);
    if (String(blocks) !== String(whole)) expect({ part, blocks }).toEqual({ part, blocks: whole });
    if (end >= text.length) return;
  }
}

it.each([
  ['none', LINES],
  ['some', [...LINES, ...DEFINITIONS]],
])('GrowingMarkdown has the blocks of the whole text at every length, with definitions: %s', (_, lines) => {
  const random = randomFrom(7);
  for (let i = 0; i < 300; i++) {
    const text = Array.from({ length: 2 + random(14) }, () => lines[random(lines.length)]).join('\n');
    expectSame(text, random, 4);
  }
});

it('GrowingMarkdown has the blocks of the whole text, whatever a model writes', () => {
  const random = randomFrom(11);
  for (const make of Object.values(HOSTILE)) expectSame(make(12), random, 40);
  const answers = new HostileAnswers(3);
  for (let i = 0; i < 25; i++) expectSame(answers.next(), random, 60);
});

it('GrowingMarkdown does not parse finished blocks again', () => {
  const text = `${'word **strong** '.repeat(50)}\n\n`.repeat(300);
  const growing = new GrowingMarkdown();
  growing.blocks(text, false);
  const fastestMs = (work: (i: number) => unknown): number =>
    Math.min(
      ...Array.from({ length: 10 }, (_, i) => {
        const startMs = performance.now();
        work(i);
        return performance.now() - startMs;
      }),
    );
  const growingMs = fastestMs((i) => growing.blocks(text + 'x'.repeat(i), false));
  expect(growingMs).toBeLessThan(fastestMs(() => markdownBlocks(text)) / 5);
});
