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

/** Writes 1,000 conversations of 40 kB each into the page's database. */
const FILL = `new Promise((resolve, reject) => {
  const opening = indexedDB.open('dots');
  opening.onerror = reject;
  opening.onsuccess = () => {
    const transaction = opening.result.transaction(['conversations', 'messages'], 'readwrite');
    const words = 'the river carries small boats past a quiet garden where lamps answered winter'.split(' ');
    for (let i = 0; i < 1000; i++) {
      const header = { id: 'c' + i, title: 'Title ' + i, isRenamed: false, created: i, updated: i, system: '', leaf: 'm9' };
      transaction.objectStore('conversations').put(header);
      for (let m = 0; m < 10; m++) {
        const text = Array.from({ length: 680 }, (_, k) => words[(k * k + i + m) % words.length]).join(' ');
        transaction.objectStore('messages').put({
          conversation: header.id, id: 'm' + m, parent: m ? 'm' + (m - 1) : null, role: m % 2 ? 'assistant' : 'user',
          content: i % 100 === 7 && m === 3 ? text + ' zebra' : text, created: i, status: 'done',
        });
      }
    }
    transaction.onabort = reject;
    transaction.oncomplete = () => { opening.result.close(); resolve(); };
  };
})`;

describePage('speed', startScriptedServer, (stage) => {
  it('a search in 1,000 conversations of 40 MB in all has no task that is longer than 50 ms', async () => {
    const v = await stage.open();
    await v.page.evaluate(FILL);
    await v.page.reload();
    await v.page.getByText('Title 999').waitFor();
    await v.page.waitForLoadState('networkidle');
    const longestMs = await longestTaskMs(v, async () => {
      await v.page.getByRole('searchbox').pressSequentially('zebra');
      await expect.poll(() => v.titles()).toHaveLength(10);
    });
    expect(longestMs).toBeLessThan(50);
  });

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
