import { beforeEach, expect, it } from 'vitest';
import { describePage, type Visit } from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';

describePage('the menu', startScriptedServer, (stage) => {
  beforeEach(() => {
    stage.server.answer = () => ({ text: 'Hello.' });
  });
  const focused = (v: Visit): Promise<string> =>
    v.page.evaluate(
      `document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText ?? ''`,
    );
  const openMenu = async (): Promise<Visit> => {
    const v = await stage.open();
    await v.ask('Fruit');
    await v.button('Actions for “Fruit”').focus();
    await v.page.keyboard.press('Enter');
    await v.page.getByRole('menu', { name: 'Actions for “Fruit”' }).waitFor();
    return v;
  };

  it('moves with the arrow keys, Home, End and first letters, and goes round at its ends', async () => {
    const v = await openMenu();
    const items = await v.page.getByRole('menuitem').allInnerTexts();
    const last = items.length - 1;
    await expect.poll(() => focused(v)).toBe(items[0]);
    for (const [key, item] of [
      ['ArrowDown', items[1]],
      ['End', items[last]],
      ['ArrowDown', items[0]],
      ['ArrowUp', items[last]],
      ['Home', items[0]],
      ['d', 'Delete'],
    ]) {
      await v.page.keyboard.press(key);
      await expect.poll(() => focused(v), { message: key }).toBe(item);
    }
  });

  it('closes with Escape and with Tab and gives the focus back to its button, and stops no answer', async () => {
    const v = await openMenu();
    const menu = v.page.getByRole('menu');
    stage.server.answer = () => ({ text: 'one two three', holdAfter: 1 });
    await v.begin('Count');
    await v.button('Actions for “Fruit”').focus();
    await v.page.keyboard.press('ArrowUp');
    await expect.poll(() => focused(v)).toBe('Delete');
    await v.page.keyboard.press('Escape');
    await menu.waitFor({ state: 'detached' });
    await expect.poll(() => focused(v)).toBe('Actions for “Fruit”');
    stage.server.release();
    await v.settled();
    await v.answer.getByText('one two three').waitFor();
    await v.page.keyboard.press('ArrowDown');
    await menu.waitFor();
    await v.page.keyboard.press('Shift+Tab');
    await menu.waitFor({ state: 'detached' });
    await expect.poll(() => focused(v)).toBe('Fruit');
  });

  it('opens and closes with a click on its button, and closes with a click elsewhere', async () => {
    const v = await openMenu();
    const menu = v.page.getByRole('menu');
    await v.button('Actions for “Fruit”').click();
    await menu.waitFor({ state: 'detached' });
    await v.button('Actions for “Fruit”').click();
    await menu.waitFor();
    await v.page.locator('.messages').click();
    await menu.waitFor({ state: 'detached' });
  });

  it('lies within the window, also for the last line of a long list', async () => {
    const v = await stage.open({ viewport: { width: 900, height: 320 } });
    for (const title of ['one', 'two', 'three']) {
      await v.ask(title);
      await v.button('New chat').click();
    }
    await v.page.locator('.menu-button').last().click();
    const box = await v.page.getByRole('menu').boundingBox();
    expect(box).not.toBeNull();
    expect((box?.y ?? -1) >= 0 && (box?.y ?? 0) + (box?.height ?? 0) <= 320).toBe(true);
  });
});
