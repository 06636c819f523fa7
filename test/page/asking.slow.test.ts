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

  it('takes text files by choice, drop and paste, folds them in the question, and refuses others with a reason', async () => {
    const v = await open();
    stage.server.answer = () => ({ text: 'Read.' });
    const transfer = (files: Record<string, string | number[]>) =>
      v.page.evaluateHandle(
        `(() => { const all = new DataTransfer();
          for (const [name, content] of Object.entries(${JSON.stringify(files)}))
            all.items.add(new File([typeof content === 'string' ? content : new Uint8Array(content)], name));
          return all; })()`,
      );
    await v.page
      .getByLabel('Attach text files')
      .setInputFiles([{ name: 'a.ts', mimeType: 'text/plain', buffer: Buffer.from('const a = 1;\n') }]);
    const dropped = await transfer({ 'b.py': 'print("b")', 'photo.png': [137, 80, 78, 71, 0] });
    await v.page.dispatchEvent('.messages', 'dragover', { dataTransfer: dropped });
    await v.page.getByText('Drop text or code files').waitFor();
    await v.page.dispatchEvent('.messages', 'drop', { dataTransfer: dropped });
    const list = v.page.getByRole('list', { name: 'Files to send' });
    await list.getByText('b.py').waitFor();
    await v.page
      .getByRole('alert')
      .getByText('“photo.png” is not text in UTF-8 and was not added.')
      .waitFor();
    await v.page.evaluate(`(() => {
      const clipboardData = new DataTransfer();
      clipboardData.items.add(new File(['line'], 'c.log'));
      const options = { clipboardData, bubbles: true, cancelable: true };
      document.getElementById('message-field').dispatchEvent(new ClipboardEvent('paste', options));
    })()`);
    await list.getByText('c.log').waitFor();
    await v.button('Remove c.log').click();
    await v.field.fill('What do they do?');
    await v.field.press('Enter');
    await v.settled();
    expect(lastRequest().messages.at(-1)?.content).toBe(
      'What do they do?\n\na.ts\n```ts\nconst a = 1;\n```\n\nb.py\n```py\nprint("b")\n```',
    );
    expect(await list.count()).toBe(0);
    expect(await v.page.getByRole('alert').count()).toBe(0);
    const question = v.page.locator('.message.user');
    await question.getByText('b.py').click();
    await question.getByText('print("b")').waitFor();
    expect(await question.getByText('const a = 1;').isVisible()).toBe(false);
  });

  it('sends stop sequences and a JSON schema, keeps them as a preset, and does not send what is not a schema', async () => {
    const v = await open();
    const dialog = v.page.getByRole('dialog');
    const settings = async (steps: () => Promise<void>): Promise<void> => {
      await v.button('Settings').click();
      await steps();
      await v.page.keyboard.press('Escape');
    };
    await settings(async () => {
      await dialog.getByLabel('Stop sequences').fill('END\\n\n###');
      await dialog.getByLabel('JSON schema of answers').fill('{"type": "object",\n}');
      await v.page.getByRole('alert').getByText('Not used: this is not JSON. See line 2.').waitFor();
    });
    await v.page.getByText('The JSON schema in the settings is not valid and is not used.').waitFor();
    await v.ask('First');
    expect(lastRequest().stop).toEqual(['END\n', '###']);
    expect(lastRequest()).not.toHaveProperty('response_format');

    await settings(async () => {
      await dialog.getByLabel('JSON schema of answers').fill('{"type": "object"}');
      await dialog.getByLabel('Temperature').fill('0');
      await v.button('Save as preset').click();
      await v.page.keyboard.type('Objects');
      await v.page.keyboard.press('Enter');
      await v.button('Delete preset').waitFor();
      await v.button('Clear all').click();
    });
    await v.ask('Second');
    expect(lastRequest()).not.toHaveProperty('stop');

    await v.page.reload();
    await settings(async () => {
      await dialog.getByLabel('Preset').selectOption('Objects');
      expect(await dialog.getByLabel('Temperature').inputValue()).toBe('0');
    });
    await v.page.getByText('Answers follow a JSON schema.').waitFor();
    await v.ask('Third');
    expect(lastRequest()).toMatchObject({
      temperature: 0,
      stop: ['END\n', '###'],
      response_format: { type: 'json_schema', json_schema: { schema: { type: 'object' } } },
    });
  });

  it('keeps prompts, and inserts them into the question', async () => {
    const v = await open();
    const menu = v.button('Add to the question');
    const choose = async (name: string): Promise<void> => {
      await menu.click();
      await v.page.getByRole('menuitem', { name }).click();
    };
    await v.field.fill('Review this text for mistakes.');
    await choose('Save the text as a prompt');
    await v.field.fill('Some text.');
    await choose('Review this text');
    await expect.poll(() => v.field.inputValue()).toBe('Some text.\n\nReview this text for mistakes.');
    await v.button('Settings').click();
    await v.page.getByText('Review this text for mistakes.').first().click();
    await v.page.getByRole('dialog').getByLabel('Name', { exact: true }).fill('Review');
    await v.page.getByRole('dialog').getByLabel('Text', { exact: true }).fill('Look again.');
    await v.page.keyboard.press('Escape');
    await v.page.reload();
    // The draft is still there.
    await expect.poll(() => v.field.inputValue()).toContain('Some text.');
    await v.field.fill('');
    await choose('Review');
    await expect.poll(() => v.field.inputValue()).toBe('Look again.');
  });

  it('shows the request and the response of an answer, also a failed one, and copies them for a shell without the key', async () => {
    stage.server.apiKey = 'sesame';
    const v = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
    await v.page.getByLabel('This server requires an API key.').fill('sesame');
    await v.page.keyboard.press('Enter');
    await v.page.getByRole('heading', { name: 'scripted' }).waitFor();
    stage.server.answer = () => ({ error: { status: 400, code: 'no', message: 'Not this one' } });
    await v.ask('Refused?');
    const show = async (): Promise<void> => {
      await v.answer.getByRole('button', { name: 'More' }).click();
      await v.page.getByRole('menuitem', { name: 'Request and response' }).click();
    };
    await show();
    const dialog = v.page.getByRole('dialog', { name: 'Request and response' });
    await dialog.getByRole('region', { name: 'Response' }).getByText('Not this one').waitFor();
    await v.page.keyboard.press('Escape');
    stage.server.answer = () => ({ text: 'Word for word.' });
    await v.button('Try again').click();
    await v.answer.getByText('Word for word.').waitFor();
    await v.settled();
    await show();
    expect(await dialog.getByRole('region', { name: 'Request' }).innerText()).toContain('"Refused?"');
    expect(await dialog.getByRole('region', { name: 'Response' }).innerText()).toContain('[DONE]');
    await v.button('Copy as curl').click();
    const clipboard = (): Promise<string> => v.page.evaluate('navigator.clipboard.readText()');
    await expect.poll(clipboard).toContain('-H "authorization: Bearer $API_KEY"');
    expect(await clipboard()).not.toContain('sesame');
    stage.server.apiKey = undefined;
  });

  it('opens what the server says about its model from the name in the top bar', async () => {
    const v = await open();
    await v.button('scripted').click();
    const dialog = v.page.getByRole('dialog', { name: 'About scripted' });
    await dialog.getByText('142B, 14B of them for each token').waitFor();
    expect((await dialog.getByRole('definition').allInnerTexts()).slice(3)).toEqual([
      '128 per layer, 6 for each token, 2 shared',
      '4,096 tokens; trained with 32,768',
      'Q4_K 75%, Q6_K 25%',
      '80 GB',
      '1.5 GB of 6 GB, f16',
    ]);
  });

  it('continues an answer that was stopped or cut where it ended, in the same message', async () => {
    const v = await open();
    stage.server.answer = () => ({ text: 'One two three four', holdAfter: 2 });
    await v.begin('Count');
    await v.answer.getByText('One two').waitFor();
    await v.button('Stop').click();
    await v.settled();
    stage.server.answer = (before) => ({
      text: before === 'One two' ? ' three four' : '?',
      cutAfter: 1,
      pauseMs: 50,
    });
    await v.button('Continue').click();
    await v.page.getByRole('alert').getByText('The connection ended').waitFor();
    expect(lastRequest().messages).toEqual([
      { role: 'user', content: 'Count' },
      { role: 'assistant', content: 'One two' },
    ]);
    expect(lastRequest()).toMatchObject({ continue_final_message: true, add_generation_prompt: false });
    stage.server.answer = (before) => ({ text: before === 'One two three' ? ' four.' : '?' });
    await v.page.reload();
    await v.page.getByRole('navigation').getByText('Count').click();
    await v.button('Continue').click();
    await v.answer.getByText('One two three four.').waitFor();
    await v.settled();
    expect(await v.page.locator('.message').count()).toBe(2);
    expect(await v.button('Continue').count()).toBe(0);
    expect(await v.page.getByRole('alert').count()).toBe(0);
    // The tokens of all parts are known to the expert view.
    await v.answer.getByRole('button', { name: 'Routing of this answer' }).click();
    const tokens = v.page.getByRole('complementary').locator('.token');
    await expect.poll(() => tokens.allInnerTexts()).toEqual(['One', ' two', ' three', ' four', '.']);
  });

  it('leaves out the oldest turns of a conversation that is too long, shows which, and sends all again on request', async () => {
    stage.server.contextLength = 200;
    stage.server.answer = (question) => ({ text: `Answer to ${question.split(' ')[0]}` });
    const v = await open();
    const filler = (name: string): string => `${name} ${'word '.repeat(40)}`.trim();
    for (const name of ['First', 'Second', 'Third']) await v.ask(filler(name));
    await v.ask(filler('Fourth'));
    const box = v.page.getByRole('alert');
    await box.getByText('The conversation is longer than the context of the model.').waitFor();
    expect(await box.getByRole('button', { name: 'Try again' }).count()).toBe(0);
    await v.button('Leave out the oldest turns').click();
    await v.answer.getByText('Answer to Fourth').waitFor();
    await v.settled();
    const sent = (): string[] =>
      lastRequest().messages.map(({ content }) => content.split(' ').at(0) as string);
    // A quarter of the context is for the answer, a quarter of the rest for the next turns.
    expect(sent()).toEqual(['Third', 'Answer', 'Fourth']);
    await v.page.getByText('The 4 messages above are not sent to the model').waitFor();
    // The next question needs no consent.
    await v.ask('Fifth');
    expect(sent()).toEqual(['Third', 'Answer', 'Fourth', 'Answer', 'Fifth']);
    await v.page.reload();
    await v.page.getByRole('navigation').getByText('First').click();
    await v.button('Send all again').click();
    await v.ask('Sixth');
    await box.getByText('The conversation is longer').waitFor();
    stage.server.contextLength = 40;
    await v.page.reload();
    await v.button('New chat').click();
    await v.ask(filler('Alone'));
    await box.getByText('The question alone is longer than the context of the model.').waitFor();
    stage.server.contextLength = 4096;
  });

  it('shows two answers to a question next to each other, the second with another seed and temperature', async () => {
    const v = await open();
    let count = 0;
    stage.server.answer = () => ({ text: `Answer ${++count}.` });
    await v.ask('Which?');
    await v.answer.getByRole('button', { name: 'More' }).click();
    await v.page.getByRole('menuitem', { name: 'Compare side by side' }).click();
    const dialog = v.page.getByRole('dialog', { name: 'Compare side by side' });
    await dialog.getByText('Answer 1.').waitFor();
    await dialog.getByLabel('Seed').fill('7');
    await dialog.getByLabel('Temperature').fill('0.3');
    await dialog.getByRole('button', { name: 'Another answer' }).click();
    await dialog.getByText('Answer 2.').waitFor();
    expect(await dialog.getByText('Answer 1.').isVisible()).toBe(true);
    expect(lastRequest()).toMatchObject({ seed: 7, temperature: 0.3 });
    await dialog.getByText('scripted · temperature 0.3 · seed 7').waitFor();
    const versions = dialog.getByRole('combobox', { name: 'Version' });
    await versions.first().selectOption({ index: 1 });
    await expect.poll(() => dialog.getByText('Answer 2.').count()).toBe(2);
    await v.page.keyboard.press('Escape');
    // It is a branch like any other.
    await v.answer.getByText('Answer 2.').waitFor();
    await v.answer.getByRole('button', { name: 'Previous version' }).click();
    await v.answer.getByText('Answer 1.').waitFor();
  });
});
