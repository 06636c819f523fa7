import { expect, it } from 'vitest';
import { translator } from '../../page/src/strings.ts';
import { describePage, type Visit } from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';
import { eachView } from './views.ts';

/**
 * What Tab should reach: of a group of radio buttons the chosen one, in an open dialog or on a full screen what is inside it. On
 * the way through an answer to its end, the button that goes to its end disappears.
 */
const CONTROLS = `[...(document.fullscreenElement ?? document.querySelector('dialog[open]') ?? document.body).querySelectorAll(
  'a[href], button, input, select, textarea, summary, [tabindex="0"]')].filter((element) =>
  element.checkVisibility() && !element.matches(':disabled, [tabindex="-1"], [type=radio]:not(:checked)') &&
  !element.closest('[inert], .menu, .to-end'))`;
const NAME = `(({ ariaLabel, innerText, className, tagName }) => ariaLabel || innerText || className || tagName)`;

/** Controls that Tab does not reach from the start of the page. */
async function unreached(v: Visit): Promise<string[]> {
  await v.page.evaluate(`(() => {
    document.activeElement.blur();
    getSelection().removeAllRanges();
    window.there = ${CONTROLS};
    window.reached = new Set();
  })()`);
  const count = Number(await v.page.evaluate('there.length'));
  // What scrolls, and the browser's own controls, are steps too.
  for (let i = 0, left = count; left > 0 && i < 2 * count + 20; i++) {
    await v.page.keyboard.press('Tab');
    left = Number(
      await v.page.evaluate(
        'reached.add(document.activeElement), there.filter((element) => !reached.has(element)).length',
      ),
    );
  }
  return v.page.evaluate(`there.filter((element) => !reached.has(element)).map(${NAME})`);
}

describePage('the keyboard', startScriptedServer, (stage) => {
  it.each([390, 1440])('reaches every control of every view with Tab, at %i pixels', async (width) => {
    const v = await stage.open({ viewport: { width, height: 800 } });
    const left: string[] = [];
    await eachView(v, stage.server, translator('en'), async (view) => {
      // Tab ends both of these.
      if (!view.startsWith('menu') && view !== 'a title that is edited')
        left.push(...(await unreached(v)).map((name) => `${view}: ${name}`));
    });
    expect(left).toEqual([]);
  });

  it('has shortcuts for search, a new chat, the message field and the list of them, and none where one types', async () => {
    const v = await stage.open();
    stage.server.answer = () => ({ text: 'Both.' });
    await v.ask('What? No/yes');
    const focused = (): Promise<string> => v.page.evaluate(`${NAME}(document.activeElement)`);
    await v.button('Regenerate').focus();
    await v.page.keyboard.press('?');
    await v.page
      .getByRole('dialog', { name: 'Keyboard shortcuts' })
      .getByText('Search conversations')
      .waitFor();
    await v.page.keyboard.press('Escape');
    await expect.poll(focused).toBe('Regenerate');
    await v.page.keyboard.press('/');
    await expect.poll(focused).toBe('Ask something');
    await v.page.keyboard.type('?/');
    expect(await v.field.inputValue()).toBe('?/');
    await v.page.keyboard.press('Control+/');
    await v.page.getByRole('dialog').waitFor();
    await v.page.keyboard.press('Escape');
    await v.page.keyboard.press('Control+Shift+O');
    await v.page.getByRole('heading', { name: 'Ask anything' }).waitFor();
    await expect.poll(focused).toBe('Ask something');
    await v.page.keyboard.press('Control+k');
    await expect.poll(focused).toBe('Search');
  });

  it('chooses tabs, tokens and cells of the expert view', async () => {
    const v = await stage.open();
    stage.server.answer = () => ({ text: 'sun moon sun star' });
    await v.ask('Sky');
    await v.button('Expert view').focus();
    await v.page.keyboard.press('Enter');
    await v.page.getByRole('radio', { name: 'One token' }).focus();
    await v.page.keyboard.press('ArrowRight');
    await v.page.keyboard.press('Tab');
    for (let i = 0; i < 3; i++) await v.page.keyboard.press('Tab');
    await v.page.keyboard.press('Home');
    await v.page.keyboard.press('Shift+ArrowRight');
    await v.page.getByText(/Tokens A and B share \d+ of/).waitFor();
    await v.page.keyboard.press('Tab');
    await v.page.keyboard.press('End');
    await v.page.keyboard.press('ArrowDown');
    await v.page.keyboard.press('End');
    await v.page.keyboard.press('Enter');
    await v.page.getByText(/routed to expert 127 in layer 2/).waitFor();
  });

  it('the title says that an answer is being written, and that one was finished while nobody looked', async () => {
    const v = await stage.open();
    stage.server.answer = () => ({ text: 'one two three', holdAfter: 1 });
    await v.begin('Count');
    await expect.poll(() => v.page.title()).toBe('… Count · dots');
    await v.page.evaluate(`Object.defineProperty(document, 'hidden', { value: true, configurable: true })`);
    stage.server.release();
    await expect.poll(() => v.page.title()).toBe('✓ Count · dots');
    await v.page.evaluate(`delete document.hidden, document.dispatchEvent(new Event('visibilitychange'))`);
    await expect.poll(() => v.page.title()).toBe('Count · dots');
  });
});
