import { expect, it } from 'vitest';
import { describePage } from './browser.ts';
import { type ScriptedServer, startScriptedServer } from './scripted-server.ts';

describePage('asking', startScriptedServer, (stage) => {
  const { open } = stage;
  const lastRequest = () => stage.server.requests.at(-1) as ScriptedServer['requests'][number];

  it('refuses numbers that a field cannot have at the field, and shows what the model recommends', async () => {
    const v = await open();
    await v.page.getByRole('heading', { name: 'scripted' }).waitFor();
    await v.button('Settings').click();
    const field = (label: string) => v.page.getByRole('dialog').getByLabel(label, { exact: true });
    expect(await field('Temperature').getAttribute('placeholder')).toBe('0.7');
    expect(await field('Top k').getAttribute('placeholder')).toBe('20');
    await field('Temperature').fill('0.5');
    await field('Temperature').fill('5');
    await v.page.getByText('Not used: enter a number from 0 to 2.').waitFor();
    await field('Top k').fill('1.5');
    await v.page.getByText('Not used: enter a whole number from 0 to 1,000,000.').waitFor();
    expect(await field('Top k').getAttribute('aria-invalid')).toBe('true');
    await v.page.keyboard.press('Escape');
    await v.ask('With what?');
    expect(lastRequest().temperature).toBe(0.5);
    expect(lastRequest()).not.toHaveProperty('top_k');
    await v.button('Settings').click();
    await field('Top k').fill('2');
    expect(await v.page.getByRole('alert').count()).toBe(0);
    await v.button('Clear all').click();
    expect(await field('Temperature').inputValue()).toBe('');
  });

  it('shows which other tokens were likely, in the answer and in the expert view, also after a reload', async () => {
    const v = await open();
    stage.server.answer = () => ({ text: 'One two three.' });
    await v.ask('Without');
    expect(lastRequest()).not.toHaveProperty('logprobs');
    await v.button('Settings').click();
    await v.page.getByLabel(/Record token probabilities/).check();
    await v.page.keyboard.press('Escape');
    await v.ask('With');
    expect(lastRequest()).toMatchObject({ logprobs: true, top_logprobs: 5 });
    await v.page.reload();
    await v.page.getByRole('navigation').getByText('Without').click();
    await v.answer.getByRole('button', { name: 'Token probabilities' }).click();
    const tokens = v.answer.locator('.token');
    await expect.poll(() => tokens.allInnerTexts()).toEqual(['One', ' two', ' three', '.']);
    await tokens.nth(1).hover();
    await v.answer.getByRole('table', { name: 'Likely tokens in the place of ␣two' }).waitFor();
    const rows = await v.answer.getByRole('row').allInnerTexts();
    expect(rows.map((row) => row.replace(/\s+/g, ' ').trim())).toEqual([
      '␣two (chosen) 50%',
      '␣other 25%',
      '␣third 12.5%',
    ]);
    // With the keyboard alone.
    await v.page.mouse.move(0, 0);
    await v.answer.getByRole('listbox').focus();
    await v.page.keyboard.press('Home');
    await v.answer.getByRole('table', { name: 'Likely tokens in the place of One' }).waitFor();
    await v.page.keyboard.press('ArrowRight');
    await v.answer.getByRole('table', { name: 'Likely tokens in the place of ␣two' }).waitFor();
    await v.answer.getByRole('button', { name: 'Routing of this answer' }).click();
    const panel = v.page.getByRole('complementary');
    await panel.locator('.token').nth(2).hover();
    await panel.getByRole('table', { name: 'Likely tokens in the place of ␣three' }).waitFor();
  });
});
