import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { describePage } from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';

describePage('deleting, pinning and exporting', startScriptedServer, (stage) => {
  it('a conversation and a branch are deleted at once and come back with Undo', async () => {
    const v = await stage.open();
    stage.server.answer = (question) => ({ text: `Answer to ${question}` });
    await v.ask('One');
    await v.ask('Two');
    await v.page
      .locator('.message.user')
      .last()
      .getByRole('button', { name: 'Delete this and what follows' })
      .click();
    await expect.poll(() => v.page.locator('.message').count()).toBe(2);
    await v.button('Undo').click();
    await v.answer.getByText('Answer to Two').waitFor();
    await v.page.locator('.conversation').getByRole('button', { name: 'Actions' }).click();
    await v.page.getByRole('menuitem', { name: 'Delete' }).click();
    await expect.poll(() => v.titles()).toEqual([]);
    await expect.poll(() => v.stored()).not.toContain('Answer to');
    await v.button('Undo').click();
    await v.answer.getByText('Answer to Two').waitFor();
    await v.page.reload();
    await v.answer.getByText('Answer to Two').waitFor();
  });

  it('pinned conversations come first, running ones are marked, and Markdown is exported', async () => {
    const v = await stage.open();
    stage.server.answer = (question) =>
      question === 'Slow' ? { text: 'slow answer', holdAfter: 1 } : { text: `Answer to ${question}` };
    const item = (title: string) => v.page.locator('.conversation', { hasText: title });
    await v.ask('One');
    await item('One').getByRole('button', { name: 'Actions' }).click();
    await v.page.getByRole('menuitem', { name: 'Pin' }).click();
    await v.page.getByRole('heading', { name: 'Pinned' }).waitFor();
    await v.button('New chat').click();
    await v.begin('Slow');
    await item('Slow').getByRole('img', { name: 'Answering' }).waitFor();
    expect(await v.titles()).toEqual(['One', 'Slow']);
    stage.server.release();
    await v.settled();
    await item('Slow').getByRole('img', { name: 'Answering' }).waitFor({ state: 'detached' });
    await item('One').getByRole('button', { name: 'Actions' }).click();
    const [download] = await Promise.all([
      v.page.waitForEvent('download'),
      v.page.getByRole('menuitem', { name: 'Export as Markdown' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('One.md');
    expect(readFileSync(await download.path(), 'utf8')).toContain('# One');
  });
});
