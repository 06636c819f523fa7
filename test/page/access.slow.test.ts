import { expect, it } from 'vitest';
import { describePage } from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';

describePage('access to the page', startScriptedServer, (stage) => {
  it('Enter starts a new line on a telephone, whose keyboard has no Shift+Enter, and the button sends', async () => {
    const v = await stage.open({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    await v.field.fill('First line');
    await v.field.press('Enter');
    await v.page.keyboard.type('second line');
    expect(await v.field.inputValue()).toBe('First line\nsecond line');
    expect(await v.page.locator('.message').count()).toBe(0);
    await v.button('Send').tap();
    await v.settled();
    expect(stage.server.requests.at(-1)?.messages.at(-1)?.content).toBe('First line\nsecond line');
    // A keyboard that is connected to it has Ctrl.
    await v.field.fill('By key');
    await v.field.press('Control+Enter');
    await v.page.locator('.message.user', { hasText: 'By key' }).waitFor();
    await v.settled();
  });

  it('an answer of 25,000 characters is announced with one sentence', async () => {
    const v = await stage.open();
    stage.server.answer = () => ({ text: `Rain falls. ${'And so on, at length. '.repeat(1200)}` });
    await v.ask('Weather');
    const status = v.page.locator('[role=status].sr-only');
    await status.getByText('The answer is complete. Rain falls.').waitFor();
    expect((await status.innerText()).length).toBeLessThan(100);
  });

  it('forced colours show the chosen tab, the open conversation, the legend and the marked tokens', async () => {
    const v = await stage.open({ forcedColors: 'active' });
    stage.server.answer = () => ({ text: 'sun moon' });
    await v.ask('Sky');
    await v.button('Expert view').click();
    await v.page.getByRole('radio', { name: 'Two tokens' }).check();
    await v.page.locator('.token').first().click();
    const styles = (selector: string, property: string): Promise<string[]> =>
      v.page.evaluate(
        `[...document.querySelectorAll('${selector}')].map((element) => getComputedStyle(element)['${property}'])`,
      );
    const [one, two, groups] = await styles('.segments span', 'backgroundColor');
    expect(two).not.toBe(one);
    expect(groups).toBe(one);
    const swatches = await styles('.legend .swatch', 'backgroundColor');
    expect(new Set([...swatches, (await styles('body', 'backgroundColor'))[0]]).size).toBe(4);
    const [marked, plain] = await styles('.token', 'backgroundColor');
    expect(marked).not.toBe(plain);
    expect(await styles('.conversation.current', 'outlineStyle')).toEqual(['solid']);
    expect(await styles('.experts-toggle', 'backgroundColor')).not.toEqual(
      await styles('[aria-label=Settings]', 'backgroundColor'),
    );
  });
});
