import { expect, it } from 'vitest';
import { describePage, type Visit } from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';

/** In the place of the browser's notifications, which tests cannot see: what was asked and shown. */
const FAKE = `(answer) => {
  window.asked = 0;
  window.shown = [];
  window.Notification = class {
    static permission = 'default';
    static async requestPermission() { window.asked++; return (this.permission = answer); }
    constructor(title, { body }) { this.text = title + ': ' + body; window.shown.push(this); }
    close() { this.isClosed = true; }
  };
}`;

describePage('notifications', startScriptedServer, (stage) => {
  const name = /^Notify me when an answer is done/;
  const start = async (answer: 'granted' | 'denied'): Promise<Visit> => {
    const v = await stage.open();
    await v.page.evaluate(`(${FAKE})('${answer}')`);
    await v.button('Settings').click();
    return v;
  };
  const hide = (v: Visit, isHidden: boolean): Promise<unknown> =>
    v.page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true })`);
  const shown = (v: Visit): Promise<string[]> => v.page.evaluate('shown.map(({ text }) => text)');
  /** Asks, and hides the page or not before the answer ends. */
  const answered = async (v: Visit, question: string, isHidden: boolean): Promise<void> => {
    stage.server.answer = () => ({ text: 'The sum is four. And more.', holdAfter: 1 });
    await hide(v, false);
    await v.begin(question);
    await v.answer.getByText('The').waitFor();
    await hide(v, isHidden);
    stage.server.release();
    await v.settled();
  };

  it('come once they are switched on, of answers that are done while the page is hidden, and open them', async () => {
    const v = await start('granted');
    const box = v.page.getByLabel(name);
    expect(await box.isChecked()).toBe(false);
    expect(await v.page.evaluate('asked')).toBe(0);
    await v.page.keyboard.press('Escape');
    await answered(v, 'Off', true);
    expect(await shown(v)).toEqual([]);

    await v.button('Settings').click();
    await box.click();
    await expect.poll(() => box.isChecked()).toBe(true);
    expect(await v.page.evaluate('asked')).toBe(1);
    await v.page.keyboard.press('Escape');
    await answered(v, 'Seen', false);
    expect(await shown(v)).toEqual([]);
    await answered(v, 'Unseen', true);
    // The conversation is called after its first question.
    await expect.poll(() => shown(v)).toEqual(['Off: The sum is four.']);
    await v.button('New chat').click();
    await v.page.evaluate('shown[0].onclick()');
    await v.page.locator('.message.user', { hasText: 'Unseen' }).waitFor();
    // Who stops an answer knows it.
    stage.server.answer = () => ({ text: 'one two three', holdAfter: 1 });
    await v.begin('Stopped');
    await v.answer.getByText('one').waitFor();
    await v.button('Stop').click();
    await v.settled();
    expect(await shown(v)).toHaveLength(1);
  });

  it('stay off where the browser refuses them, and the page says why', async () => {
    const v = await start('denied');
    const box = v.page.getByLabel(name);
    await box.click();
    await v.page.getByRole('alert').filter({ hasText: 'does not allow this page' }).waitFor();
    expect(await box.isChecked()).toBe(false);
    await box.click();
    await expect.poll(() => v.page.evaluate('asked')).toBe(2);
    await expect.poll(() => box.isChecked()).toBe(false);
  });
});
