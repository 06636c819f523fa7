import { beforeEach, expect, it } from 'vitest';
import { describePage, type Visit } from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';

describePage('the focus', startScriptedServer, (stage) => {
  beforeEach(() => {
    stage.server.answer = (question) => ({ text: `You said ${question}` });
  });
  /** The name of what has the focus, or its class. */
  const focused = (v: Visit): Promise<string> =>
    v.page.evaluate(`(({ ariaLabel, tagName, innerText, className }) =>
      ariaLabel || (tagName === 'BUTTON' ? innerText.trim() : className || tagName))(document.activeElement)`);
  const press = async (v: Visit, name: string): Promise<void> => {
    await v.button(name).last().focus();
    await v.page.keyboard.press('Enter');
  };

  it('stays at the answer that is regenerated, and at the switch between its versions', async () => {
    const v = await stage.open();
    await v.ask('Red');
    stage.server.answer = () => ({ text: 'Another answer', holdAfter: 1 });
    await press(v, 'Regenerate');
    await v.answer.getByText('Another').waitFor();
    await expect.poll(() => focused(v)).toBe('message assistant');
    stage.server.release();
    await v.settled();
    await v.page.keyboard.press('Tab');
    await expect.poll(() => focused(v)).toBe('Previous version');
    await v.page.keyboard.press('Enter');
    await v.answer.getByText('You said Red').waitFor();
    // There is no earlier one.
    await expect.poll(() => focused(v)).toBe('Next version');
  });

  it('is at the question when editing ends, at the answer after another try, in the field after Stop', async () => {
    const v = await stage.open();
    await v.ask('Red');
    await press(v, 'Edit');
    await expect.poll(() => focused(v)).toBe('Edit the question');
    await v.page.keyboard.press('Escape');
    await expect.poll(() => focused(v)).toBe('Edit');
    await press(v, 'Edit');
    await v.page.keyboard.type(' wine');
    await v.page.keyboard.press('Enter');
    await v.answer.getByText('You said Red wine').waitFor();
    await expect.poll(() => focused(v)).toBe('Edit');

    stage.server.answer = () => ({
      error: { status: 429, code: 'queue_full', message: 'The queue is full' },
    });
    await v.ask('Green');
    stage.server.answer = () => ({ text: 'One two three', holdAfter: 1 });
    await press(v, 'Try again');
    await v.answer.getByText('One').waitFor();
    await expect.poll(() => focused(v)).toBe('message assistant');
    await press(v, 'Stop');
    await v.settled();
    await expect.poll(() => focused(v)).toBe('Ask something');
  });

  it('is at the neighbour of a conversation that is deleted, and at the one that was renamed', async () => {
    const v = await stage.open();
    v.page.on('dialog', (dialog) => void dialog.accept());
    for (const title of ['one', 'two', 'three']) {
      await v.button('New chat').click();
      await v.ask(title);
    }
    await press(v, 'Actions for “two”');
    await v.page.keyboard.press('Enter');
    await expect.poll(() => focused(v)).toBe('New title');
    await v.page.keyboard.type('zwei');
    await v.page.keyboard.press('Enter');
    await expect.poll(() => focused(v)).toBe('Actions for “zwei”');
    await v.page.keyboard.press('ArrowUp');
    await expect.poll(() => focused(v)).toBe('Delete');
    await v.page.keyboard.press('Enter');
    await expect.poll(() => focused(v)).toBe('Actions for “one”');
  });

  it('goes into a drawer, and back to what opened it', async () => {
    const v = await stage.open({ viewport: { width: 390, height: 700 } });
    await v.ask('Red');
    await press(v, 'Show conversations');
    await expect.poll(() => focused(v)).toBe('Conversations');
    await v.page.keyboard.press('Escape');
    await expect.poll(() => focused(v)).toBe('Show conversations');
    await v.field.focus();
    await v.page.keyboard.press('Control+k');
    await expect.poll(() => focused(v)).toBe('Search');
    await v.page.keyboard.press('Escape');
    await expect.poll(() => focused(v)).toBe('Ask something');
    for (const opener of ['Expert view', 'Routing of this answer']) {
      await press(v, opener);
      await expect.poll(() => focused(v)).toBe('experts overlay');
      await v.page.keyboard.press('Escape');
      await expect.poll(() => focused(v)).toBe(opener);
    }
    await press(v, 'Settings');
    await v.page.keyboard.press('Escape');
    await expect.poll(() => focused(v)).toBe('Settings');
  });

  it('goes back to its switch when the expert view is hidden, also one that was open from the start', async () => {
    const v = await stage.open();
    await press(v, 'Expert view');
    await v.page.reload();
    await press(v, 'Hide the expert view');
    await expect.poll(() => focused(v)).toBe('Expert view');
  });
});
