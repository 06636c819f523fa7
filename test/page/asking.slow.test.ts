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
});
