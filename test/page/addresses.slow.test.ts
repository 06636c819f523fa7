import { expect, it } from 'vitest';
import { describePage } from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';

describePage('addresses and drafts', startScriptedServer, (stage) => {
  it('each conversation has an address: reload opens it again, Back and Forward go through them', async () => {
    const v = await stage.open();
    stage.server.answer = (question) => ({ text: `Answer to ${question}` });
    await v.ask('One');
    await v.button('New chat').click();
    await v.ask('Two');
    expect(v.page.url()).toMatch(/#\/c\/[0-9a-f]+$/);
    await v.page.reload();
    await v.answer.getByText('Answer to Two').waitFor();
    await v.page.goBack();
    await v.page.getByRole('heading', { name: 'Ask anything' }).waitFor();
    await v.page.goBack();
    await v.answer.getByText('Answer to One').waitFor();
    await v.page.goForward();
    await v.page.goForward();
    await v.answer.getByText('Answer to Two').waitFor();
    await v.page.goto(`${stage.server.url}#/c/0`);
    await v.page.reload();
    await v.page.getByRole('heading', { name: 'Ask anything' }).waitFor();
    expect(v.page.url()).not.toContain('#');
  });

  it('?q= fills the field without sending', async () => {
    const v = await stage.open();
    const before = stage.server.requests.length;
    await v.page.goto(`${stage.server.url}?q=What%20is%20a%20dot%3F`);
    await expect.poll(() => v.field.inputValue()).toBe('What is a dot?');
    expect(v.page.url()).toBe(stage.server.url);
    expect(stage.server.requests).toHaveLength(before);
  });

  it('a draft stays with its conversation and survives a reload', async () => {
    const v = await stage.open();
    stage.server.answer = () => ({ text: 'Yes.' });
    await v.ask('One');
    await v.field.fill('More on one');
    await v.button('New chat').click();
    await expect.poll(() => v.field.inputValue()).toBe('');
    await v.field.fill('Something new');
    await v.page.reload();
    await expect.poll(() => v.field.inputValue()).toBe('Something new');
    await v.page.locator('.conversation-open').click();
    await expect.poll(() => v.field.inputValue()).toBe('More on one');
    await v.field.press('Enter');
    await v.settled();
    await v.page.reload();
    await v.answer.waitFor();
    expect(await v.field.inputValue()).toBe('');
  });
});

describePage('a conversation', startScriptedServer, (stage) => {
  it('that is stopped before its first token says so, can be answered again, and sends one turn for two questions', async () => {
    const v = await stage.open();
    stage.server.answer = () => ({ text: 'Late', holdAfter: 0 });
    await v.begin('One');
    await expect.poll(() => stage.server.requests.at(-1)?.messages.at(-1)?.content).toBe('One');
    await v.button('Stop').click();
    await v.answer.getByText('Stopped before the first token.').waitFor();
    stage.server.answer = () => ({ text: 'Here.' });
    await v.ask('Two');
    expect(stage.server.requests.at(-1)?.messages).toEqual([{ role: 'user', content: 'One\n\nTwo' }]);
    stage.server.answer = () => ({ text: '' });
    await v.ask('Three');
    await v.answer.getByText('The answer is empty.').waitFor();
    stage.server.answer = () => ({ text: 'Now.' });
    await v.answer.getByRole('button', { name: 'Regenerate' }).click();
    await v.answer.getByText('Now.').waitFor();
    expect(await v.answer.getByRole('button', { name: 'Previous version' }).count()).toBe(0);
  });

  it('has its own system prompt, which is shown, and the default is for new ones only', async () => {
    const v = await stage.open();
    stage.server.answer = () => ({ text: 'Yes.' });
    const system = () => stage.server.requests.at(-1)?.messages[0];
    const dialog = v.page.getByRole('dialog', { name: 'Settings' });
    await v.ask('Plain');
    await v.button('Settings').click();
    await dialog.getByLabel('System prompt of this conversation').fill('Be a pirate.');
    await v.page.keyboard.press('Escape');
    await v.page.locator('.active-system').waitFor();
    await v.ask('Again');
    expect(system()).toEqual({ role: 'system', content: 'Be a pirate.' });
    await v.button('New chat').click();
    await v.page.locator('.active-system').waitFor({ state: 'detached' });
    await v.ask('New');
    expect(system()).toEqual({ role: 'user', content: 'New' });
    await v.button('Settings').click();
    await dialog.getByLabel('System prompt of new conversations').fill('Be brief.');
    await v.page.keyboard.press('Escape');
    await v.ask('Still without');
    expect(system()).toEqual({ role: 'user', content: 'New' });
    await v.button('New chat').click();
    await v.page.locator('.active-system summary').click();
    await v.page.getByText('Be brief.').waitFor();
  });

  it('that was searched for opens at the hit, also on another branch', async () => {
    const v = await stage.open({ viewport: { width: 1200, height: 500 } });
    stage.server.answer = (question) => ({ text: `${question} answered. ${'line\n\n'.repeat(40)}` });
    await v.ask('Kumquat');
    await v.ask('Second');
    await v.ask('Third');
    await v.button('New chat').click();
    await v.page.getByRole('searchbox').fill('kumquat answered');
    await v.page.locator('.conversation mark').first().waitFor();
    await v.page.getByRole('searchbox').press('Enter');
    await expect
      .poll(async () => {
        const box = await v.page.locator('.message.assistant').first().boundingBox();
        return box !== null && box.y > 0 && box.y < 500;
      })
      .toBe(true);
  });
});
