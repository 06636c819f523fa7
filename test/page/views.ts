import { expect } from 'vitest';
import type { Translate } from '../../page/src/strings.ts';
import type { Visit } from './browser.ts';
import type { ScriptedServer } from './scripted-server.ts';

const ANSWER = `<think>
Some *thought*.
</think>

# Title[^1]

Text with **bold**, \`code\`, a [link](https://example.org/) and $x^2$.

- one
- [x] two

> A quotation

| Name | Value |
| ---- | ----: |
| a    |     1 |

\`\`\`js
const x = 1; // a comment
\`\`\`

[^1]: A note`;

/** Brings the page into each of its views in turn, and calls `check` in each. */
export async function eachView(
  v: Visit,
  server: ScriptedServer,
  t: Translate,
  check: (view: string) => Promise<void>,
): Promise<void> {
  const isNarrow = (v.page.viewportSize()?.width ?? 0) <= 820;
  const pressEscape = (): Promise<void> => v.page.keyboard.press('Escape');
  /** The list of conversations, which is a drawer on a narrow page. */
  const openList = async (): Promise<void> => {
    if (isNarrow) await v.button(t('openConversations')).click();
  };

  await v.page.getByRole('heading', { name: 'scripted' }).waitFor();
  await check('empty');
  server.answer = () => ({ text: ANSWER });
  await v.ask('A question');
  await v.answer.locator('.katex').waitFor();
  await v.answer.locator('code .code-2').first().waitFor();
  await v.answer.locator('.reasoning summary').click();
  await check('conversation');
  await v.page.locator('.stats summary').click();
  await v.button('scripted').click();
  await v.page.getByRole('dialog').getByRole('definition').first().waitFor();
  await check('model');
  await pressEscape();
  await v.button(t('addToQuestion')).click();
  await v.page.getByRole('menu').waitFor();
  await check('menu of the field');
  await pressEscape();
  for (const dialog of ['compare', 'exchange'] as const) {
    await v.answer.getByRole('button', { name: t('moreActions') }).click();
    await v.page.getByRole('menu').waitFor();
    if (dialog === 'compare') await check('menu of an answer');
    await v.page.getByRole('menuitem', { name: t(dialog) }).click();
    await v.page
      .getByRole('dialog', { name: t(dialog) })
      .getByRole('button')
      .nth(1)
      .waitFor();
    await check(dialog);
    await pressEscape();
  }
  await v.answer.getByRole('button', { name: t('regenerate') }).click();
  await v.settled();
  await v.page
    .locator('.message.user')
    .getByRole('button', { name: t('edit') })
    .click();
  await check('versions, and a question that is edited');
  await v.button(t('cancel')).click();
  server.answer = () => ({ text: ANSWER, holdAfter: 40 });
  await v.begin('Another question');
  await v.answer.getByText('Text with').waitFor();
  await check('streaming');
  server.release();
  await v.settled();

  await v.answer.getByRole('button', { name: t('expandTable') }).click();
  await expect.poll(() => v.page.evaluate('document.fullscreenElement !== null')).toBe(true);
  await check('full-screen table');
  await v.answer.getByRole('button', { name: t('expandTable') }).click();
  await expect.poll(() => v.page.evaluate('document.fullscreenElement === null')).toBe(true);
  const call = { name: 'weather', arguments: `{"city":"${'Kyoto '.repeat(100)}"}` };
  server.answer = () => ({ text: 'Looking.', toolCalls: [call] });
  await v.ask('The weather?');
  await v.answer.getByRole('region', { name: t('toolCall', { name: 'weather' }) }).waitFor();
  await check('function call');
  const files = [
    { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('one\ntwo\n') },
    { name: 'picture.png', mimeType: 'image/png', buffer: Buffer.from([0, 1, 2, 255]) },
  ];
  await v.page.locator('.composer input[type=file]').setInputFiles(files);
  await v.button(t('removeFile', { name: 'notes.txt' })).waitFor();
  await check('files that wait');
  server.answer = () => ({ text: 'Two lines.' });
  await v.ask('How many lines?');
  await v.page.locator('.attached summary').last().click();
  await check('a question with a file');
  await v.page.evaluate(`{
    window.put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = () => { throw new DOMException('No room', 'QuotaExceededError'); };
  }`);
  await v.ask('And now?');
  await v.button(t('saveAgain')).waitFor();
  await check('storage is full');
  await v.page.evaluate('IDBObjectStore.prototype.put = window.put');
  await v.button(t('saveAgain')).click();
  await v.button(t('saveAgain')).waitFor({ state: 'detached' });

  await v.page.keyboard.press('Control+/');
  await v.page.getByRole('dialog', { name: t('shortcuts') }).waitFor();
  await check('shortcuts');
  await pressEscape();
  await v.button(t('settings')).click();
  await v.page.getByRole('dialog').getByLabel(t('recordsOdds')).waitFor();
  for (const summary of await v.page.locator('dialog[open] summary').all()) await summary.click();
  await check('settings');
  await v.page.getByLabel(t('recordsOdds')).check();
  await v.page.getByLabel(t('systemPromptHere')).fill('Be brief.');
  await pressEscape();
  server.answer = () => ({ text: 'sun moon' });
  await v.ask('How likely?');
  await v.answer.getByRole('button', { name: t('showOdds') }).click();
  await v.answer.locator('.token').first().click();
  await check('token probabilities');
  await v.answer.getByRole('button', { name: t('editAnswer') }).click();
  await check('an answer that is edited');
  await v.button(t('cancel')).click();
  await v.answer.getByRole('button', { name: t('deleteFromHere') }).click();
  await v.button(t('undo')).waitFor();
  await check('deleted');
  await v.button(t('undo')).click();
  await v.answer.getByText('sun moon').waitFor();

  await openList();
  await check('list of conversations');
  await v.page.getByRole('searchbox').fill('quotation');
  await v.page.getByRole('navigation').locator('mark').first().waitFor();
  await check('search');
  await v.page.getByRole('searchbox').fill('');
  await v.page.getByRole('navigation').locator('.menu-button').first().click();
  await v.page.getByRole('menu').waitFor();
  await check('menu');
  await v.page.getByRole('menuitem', { name: t('pinChat') }).click();
  await v.page.locator('.conversation .icon').first().waitFor();
  await v.page.getByRole('navigation').locator('.menu-button').first().click();
  await v.page.getByRole('menuitem', { name: t('renameChat') }).click();
  await v.page.getByRole('textbox', { name: t('newTitle') }).waitFor();
  await check('a title that is edited');
  await pressEscape();
  if (isNarrow) await pressEscape();

  await v.button(t('showExperts')).click();
  for (const tab of ['viewLoad', 'viewTokens', 'viewGroups'] as const) {
    await v.page.getByRole('radio', { name: t(tab) }).check();
    await v.page.getByText(t('table')).click();
    await check(`experts, ${t(tab)}`);
  }
  await v.button(t('hideExperts')).click();

  server.answer = () => ({ error: { status: 500, code: 'internal', message: 'It broke' } });
  await v.ask('An error');
  await check('error');
  server.apiKey = 'sesame';
  await v.page.reload();
  await v.page.getByRole('textbox', { name: t('keyNeeded') }).waitFor();
  await check('key requested');
  server.apiKey = undefined;
}
