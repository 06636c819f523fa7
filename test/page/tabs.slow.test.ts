import { expect, it } from 'vitest';
import { describePage, type Visit } from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';

describePage('two tabs of the page', startScriptedServer, (stage) => {
  const openBoth = async (): Promise<readonly [Visit, Visit]> => {
    const a = await stage.open();
    return [a, await a.secondTab()];
  };
  const choose = (v: Visit, title: string): Promise<void> =>
    v.page.locator('.conversation-open', { hasText: title }).click();
  const remove = async (v: Visit, title: string): Promise<void> => {
    v.page.on('dialog', (dialog) => void dialog.accept());
    await v.page
      .locator('.conversation', { hasText: title })
      .getByLabel(/^Actions for/)
      .click();
    await v.page
      .locator('.conversation', { hasText: title })
      .getByRole('menuitem', { name: 'Delete' })
      .click();
  };

  it('keep what both asked in one conversation', async () => {
    const [a, b] = await openBoth();
    stage.server.answer = (question) => ({ text: `Answer to ${question}` });
    await a.ask('One');
    await choose(b, 'One');
    await b.answer.getByText('Answer to One').waitFor();
    // Both at once: b does not know yet what a asks.
    await Promise.all([a.ask('From A'), b.ask('From B')]);
    const fresh = await a.secondTab();
    for (const text of ['Answer to From A', 'Answer to From B'])
      await expect.poll(() => fresh.stored()).toContain(text);
    expect(await fresh.titles()).toEqual(['One']);
  });

  it('show each other’s conversations, names and growing answers, and either can stop them', async () => {
    const [a, b] = await openBoth();
    stage.server.answer = () => ({ text: 'word '.repeat(5000), pauseMs: 30 });
    await a.begin('Long story');
    await choose(b, 'Long story');
    await b.answer.getByText('word word').waitFor();
    await b.button('Stop').click();
    await a.settled();
    await b.settled();
    await a.answer.getByText('Stopped').waitFor();
    await b.answer.getByText('Stopped').waitFor();
    await a.page
      .locator('.conversation')
      .getByLabel(/^Actions for/)
      .click();
    await a.page.locator('.conversation').getByRole('menuitem', { name: 'Rename' }).click();
    await a.page.getByRole('textbox', { name: 'New title' }).fill('Short story');
    await a.page.keyboard.press('Enter');
    await expect.poll(() => b.titles()).toEqual(['Short story']);
  });

  it('do not bring back what one of them has deleted', async () => {
    const [a, b] = await openBoth();
    stage.server.answer = (question) =>
      question === 'Tea' ? { text: 'Slow answer', holdAfter: 1 } : { text: 'Fine.' };
    await a.ask('Coffee');
    await a.button('New chat').click();
    await a.begin('Tea');
    await expect.poll(() => b.titles()).toEqual(['Tea', 'Coffee']);
    await choose(b, 'Tea');
    await remove(b, 'Tea');
    // The tab that was writing in it stops, and shows the empty page.
    await expect.poll(() => a.titles()).toEqual(['Coffee']);
    await a.page.getByRole('heading', { name: 'Ask anything' }).waitFor();
    await a.ask('Milk');
    await expect.poll(() => b.titles()).toEqual(['Milk', 'Coffee']);
    const fresh = await a.secondTab();
    await expect.poll(() => fresh.titles()).toEqual(['Milk', 'Coffee']);
    expect(await fresh.stored()).not.toContain('Tea');
  });
});
