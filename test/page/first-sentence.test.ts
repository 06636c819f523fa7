import { expect, it } from 'vitest';
import { firstSentence } from '../../page/src/core/first-sentence.ts';

it.each([
  ['One. Two. Three.', 'One.'],
  ['# A **bold** title\n\nAnd text.', 'A bold title'],
  ['- *first* item\n- second', 'first item'],
  ['```js\nconst x = 1;\n```\n\nThe code sets x.', 'The code sets x.'],
  ['```js\nnever closed', ''],
  ['<think>Hm. What now?</think>\n\nThe answer is 4.', 'The answer is 4.'],
  ['<think>still thinking', ''],
  ['See [the page](https://example.org/a.b). Then go.', 'See the page.'],
  ['你好。今天很好。', '你好。'],
  ['***\n\nAfter a rule.', 'After a rule.'],
  ['', ''],
])('firstSentence(%j) is what one would hear', (text, sentence) => {
  expect(firstSentence(text)).toBe(sentence);
});

it('firstSentence() is short and fast however long and strange the text is', () => {
  for (const part of ['word ', '```\n', '[', '![x](', '> ', '\n', 'abc', '<think>']) {
    const start = performance.now();
    expect(firstSentence(part.repeat(200_000)).length).toBeLessThanOrEqual(161);
    expect(performance.now() - start).toBeLessThan(500);
  }
});
