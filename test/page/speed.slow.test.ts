import { expect, it } from 'vitest';
import { describePage } from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';
import { longestTaskMs } from './tasks.ts';

const NUM_TOKENS = 16_000;

/** Markdown of all kinds, and its end. */
function longAnswer(): string {
  const section = (i: number): string =>
    [
      `## Part ${i}`,
      'A paragraph with **strong** words, `code` and $x_i^2$, long enough that it fills a line or two of the page. '.repeat(
        3,
      ),
      '- one\n- two\n- three',
      '```python\ndef f(x):\n    return x + 1\n```',
      '| a | b |\n| - | - |\n| 1 | 2 |\n| 3 | 4 |',
    ].join('\n\n');
  const text = Array.from({ length: 200 }, (_, i) => section(i)).join('\n\n');
  const tokens = text.match(/\s?[\p{L}\p{N}]{1,7}|\s?[^\s\p{L}\p{N}]|\s/gu) ?? [];
  return `${tokens.slice(0, NUM_TOKENS).join('')}\n\nThe end.`;
}

describePage('speed', startScriptedServer, (stage) => {
  it('an answer of 16,000 tokens at 2,000 tokens/s has no task that is longer than 200 ms', async () => {
    const v = await stage.open();
    stage.server.answer = () => ({ text: longAnswer(), tokensPerSecond: 2000 });
    const longestMs = await longestTaskMs(v, async () => {
      await v.ask('Go');
      await v.answer.getByText('The end.').waitFor();
    });
    expect(longestMs).toBeLessThan(200);
  });
});
