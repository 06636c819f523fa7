import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { describePage } from './browser.ts';
import { type ScriptedServer, startScriptedServer } from './scripted-server.ts';

describePage('the chat page', startScriptedServer, (stage) => {
  const { open } = stage;
  afterEach(() => {
    stage.server.apiKey = undefined;
  });
  const lastRequest = () => stage.server.requests.at(-1) as ScriptedServer['requests'][number];

  it('sends with Enter, breaks lines with Shift+Enter, shows the answer as it comes and what it cost', async () => {
    const v = await open();
    const { page, field, answer } = v;
    stage.server.answer = () => ({ text: 'One two three four five six.', holdAfter: 2 });
    await field.fill('First line');
    await field.press('Shift+Enter');
    await page.keyboard.type('second line');
    await field.press('Enter');
    await answer.getByText('One two', { exact: false }).waitFor();
    expect(await answer.innerText()).not.toContain('six');
    stage.server.release();
    await v.settled();
    expect(await answer.innerText()).toContain('One two three four five six.');
    expect(await answer.innerText()).toContain('7 tokens · 42 tokens/s');
    expect(lastRequest().messages).toEqual([{ role: 'user', content: 'First line\nsecond line' }]);
    expect(await page.getByRole('meter').getAttribute('aria-label')).toBe(
      '19 of 4,096 tokens of context used',
    );
  });

  it.each(['Escape', 'the button'])(
    'stops an answer with %s, keeps what there was, and notifies the server',
    async (how) => {
      const v = await open();
      const before = stage.server.numAborted;
      stage.server.answer = () => ({ text: 'word '.repeat(5000), pauseMs: 30 });
      await v.begin('Talk');
      await v.answer.getByText('word word').waitFor();
      if (how === 'Escape') await v.page.keyboard.press('Escape');
      else await v.button('Stop').click();
      await v.settled();
      expect(await v.answer.innerText()).toMatch(/word word[\s\S]*Stopped/);
      await expect.poll(() => stage.server.numAborted).toBe(before + 1);
      await v.button('Send').waitFor();
    },
  );

  it('follows an answer as it grows, but not once the reader has scrolled away', async () => {
    const v = await open({ viewport: { width: 800, height: 500 } });
    stage.server.answer = () => ({ text: 'line\n\n'.repeat(5000), pauseMs: 10 });
    await v.begin('Continue');
    const place = (): Promise<{ top: number; rest: number }> =>
      v.page.evaluate(`(() => {
        const { scrollTop, scrollHeight, clientHeight } = document.querySelector('.messages');
        return { top: scrollTop, rest: scrollHeight - scrollTop - clientHeight };
      })()`);
    await expect.poll(async () => (await place()).top).toBeGreaterThan(200);
    expect((await place()).rest).toBeLessThan(60);
    await v.page.locator('.messages').hover();
    await expect
      .poll(async () => {
        await v.page.mouse.wheel(0, -10_000);
        return (await place()).top;
      })
      .toBe(0);
    const before = (await place()).rest;
    await expect.poll(async () => (await place()).rest).toBeGreaterThan(before + 100);
    expect((await place()).top).toBe(0);
    await v.button('Jump to the end').click();
    await expect.poll(async () => (await place()).rest).toBeLessThan(60);
    await v.button('Stop').click();
    await v.settled();
    expect(await v.page.title()).toBe('Continue · dots');
  });

  it('asks again for another answer, asks another question, and goes back to what was there before', async () => {
    const v = await open();
    let count = 0;
    stage.server.answer = (question) => ({ text: `${question} answered ${++count}` });
    await v.ask('Red');
    await v.ask('Green');
    await v.answer.getByRole('button', { name: 'Regenerate' }).click();
    await v.answer.getByText('Green answered 3').waitFor();
    expect(lastRequest().messages.map(({ content }) => content)).toEqual(['Red', 'Red answered 1', 'Green']);
    await v.answer.getByRole('button', { name: 'Previous version' }).click();
    await v.answer.getByText('Green answered 2').waitFor();

    const first = v.page.locator('.message.user').first();
    await first.getByRole('button', { name: 'Edit' }).click();
    await v.page.getByRole('textbox', { name: 'Edit the question' }).fill('Blue');
    await v.button('Ask again').click();
    await v.answer.getByText('Blue answered 4').waitFor();
    expect(lastRequest().messages.map(({ content }) => content)).toEqual(['Blue']);
    expect(await v.page.locator('.message').count()).toBe(2);
    await first.getByRole('button', { name: 'Previous version' }).click();
    // The branch as it was: its question, its answers, the newest of them.
    await v.answer.getByText('Green answered 3').waitFor();
    expect(await v.page.locator('.message').count()).toBe(4);
  });

  it('keeps conversations over a reload, also one whose answer was being written', async () => {
    const v = await open();
    stage.server.answer = (question) =>
      question === 'Slow' ? { text: 'tick '.repeat(5000), pauseMs: 20 } : { text: 'Kept.' };
    await v.ask('Remember me');
    await v.begin('Slow');
    await v.answer.getByText('tick tick').waitFor();
    // The page saves every second what there is.
    await expect.poll(() => v.stored()).toContain('tick tick');
    await v.page.reload();
    await v.page.getByRole('navigation').getByText('Remember me').click();
    await expect.poll(() => v.page.locator('.message').count()).toBe(4);
    await expect.poll(() => v.answer.innerText()).toMatch(/tick tick[\s\S]*Stopped/);
    await v.page.locator('.message.assistant').first().getByText('Kept.').waitFor();
  });

  it('finds conversations by what was said, renames, exports, deletes and imports them', async () => {
    const v = await open();
    const list = v.page.getByRole('navigation');
    stage.server.answer = (question) => ({
      text: question === 'Fruit' ? 'The pomegranate is red.' : 'Nothing here.',
    });
    await v.ask('Fruit');
    await v.button('New chat').click();
    await v.ask('Weather');
    await v.page.keyboard.press('Control+k');
    await v.page.keyboard.type('POMEGRAN');
    await expect
      .poll(() => list.locator('.conversation').allInnerTexts())
      .toEqual([expect.stringContaining('The pomegranate is red.')]);
    expect(await list.locator('mark').innerText()).toBe('pomegran');
    await v.page.keyboard.press('Enter');
    await v.answer.getByText('pomegranate').waitFor();
    await v.page.getByRole('searchbox').fill('no such thing');
    await list.getByText('Nothing found').waitFor();
    await v.page.getByRole('searchbox').press('Escape');

    const item = list.locator('.conversation', { hasText: 'Fruit' });
    await item.getByRole('button', { name: 'Actions' }).click();
    await item.getByRole('menuitem', { name: 'Rename' }).click();
    await v.page.keyboard.type('Red fruit');
    await v.page.keyboard.press('Enter');
    const renamed = list.locator('.conversation', { hasText: 'Red fruit' });
    await renamed.getByRole('button', { name: 'Actions' }).click();
    const [download] = await Promise.all([
      v.page.waitForEvent('download'),
      renamed.getByRole('menuitem', { name: 'Export as JSON' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('Red fruit.json');
    const file = await download.path();
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ conversations: [{ title: 'Red fruit' }] });

    v.page.on('dialog', (dialog) => void dialog.accept());
    await renamed.getByRole('button', { name: 'Actions' }).click();
    await renamed.getByRole('menuitem', { name: 'Delete' }).click();
    await renamed.waitFor({ state: 'detached' });
    await expect.poll(() => v.stored()).not.toContain('pomegranate');
    await v.page.reload();
    await list.getByText('Weather').waitFor();
    expect(await renamed.count()).toBe(0);

    await v.button('Settings').click();
    await v.page.getByLabel('Import').setInputFiles(file);
    await v.answer.getByText('pomegranate').waitFor();
    // With the routing that was recorded.
    await v.answer.getByRole('button', { name: 'Routing of this answer' }).click();
    await v.page.locator('.token', { hasText: 'pomegra' }).waitFor();
  });

  it('moves the focus with the render, so that nothing typed or filled in meanwhile goes astray', async () => {
    const v = await open();
    await v.ask('Once');
    await v.button('New chat').click();
    await v.page.getByRole('searchbox').focus();
    const focused: string = await v.page.evaluate(`new Promise((resolve) => {
      document.querySelector('.conversation-open').click();
      // After the render, before the next frame.
      setTimeout(() => resolve(document.activeElement.id));
    })`);
    expect(focused).toBe('message-field');
  });

  it('sends the system prompt and the sampling settings that were set, and no others', async () => {
    const v = await open();
    stage.server.answer = () => ({ text: 'Yes.' });
    await v.button('Settings').click();
    const dialog = v.page.getByRole('dialog', { name: 'Settings' });
    await dialog.getByLabel('System prompt').fill('Be brief.');
    for (const [label, value] of [
      ['Temperature', '0.25'],
      ['Top p', '0.9'],
      ['Top k', '40'],
      ['Min p', '0.05'],
      ['Max tokens', '64'],
      ['Seed', '7'],
      ['Repetition penalty', '1.1'],
      ['Presence penalty', '-0.5'],
    ] as const)
      await dialog.getByLabel(label).fill(value);
    await v.page.keyboard.press('Escape');
    await v.page.reload();
    await v.ask('Ready?');
    const { messages, model, stream, stream_options, return_progress, dots, ...fields } = lastRequest();
    expect(fields).toEqual({
      temperature: 0.25,
      top_p: 0.9,
      top_k: 40,
      min_p: 0.05,
      max_completion_tokens: 64,
      seed: 7,
      repetition_penalty: 1.1,
      presence_penalty: -0.5,
    });
    expect(messages[0]).toEqual({ role: 'system', content: 'Be brief.' });
    expect(dots).toEqual({ routing: true });
  });

  it('says readably what went wrong, and tries again', async () => {
    const v = await open();
    stage.server.answer = () => ({
      error: { status: 429, code: 'queue_full', message: 'The queue is full' },
    });
    await v.ask('Hello?');
    await v.page.getByRole('alert').getByText('The server is too busy').waitFor();
    stage.server.answer = () => ({ text: 'Here I am, after all, and gone', cutAfter: 4, pauseMs: 20 });
    await v.button('Try again').click();
    await v.page.getByRole('alert').getByText('The connection ended in the middle').waitFor();
    expect(await v.answer.innerText()).toContain('Here I am,');
    stage.server.answer = () => ({ text: 'All of it.' });
    await v.button('Try again').click();
    await v.answer.getByText('All of it.').waitFor();
    expect(await v.page.getByRole('alert').count()).toBe(0);
    stage.server.answer = () => ({
      error: { status: 400, code: 'context_length_exceeded', message: 'The prompt has 5,000 tokens' },
    });
    await v.ask('Long');
    expect(await v.page.getByRole('alert').innerText()).toContain('The prompt has 5,000 tokens');
  });

  it('asks for the API key that a server wants', async () => {
    stage.server.apiKey = 'sesame';
    const v = await open();
    await v.page.getByLabel('This server requires an API key.').fill('wrong');
    await v.button('Connect').click();
    await v.page.getByLabel('The server does not accept this API key.').fill('sesame');
    await v.page.keyboard.press('Enter');
    await v.page.getByRole('heading', { name: 'scripted' }).waitFor();
    stage.server.answer = () => ({ text: 'Open.' });
    await v.ask('Who is there?');
    await v.answer.getByText('Open.').waitFor();
  });

  it('renders markdown, colours code, typesets formulas, copies', async () => {
    const v = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
    const code = 'const x: number = 1; // one';
    stage.server.answer = () => ({
      text: `# Title\n\n| a | b |\n| - | -: |\n| 1 | 2 |\n\nCosts $5 or $6, but $x^2$ and \\(y\\).\n\n$$\\frac{a}{b}$$\n\n\`\`\`ts\n${code}\n\`\`\``,
    });
    await v.ask('Show');
    await v.answer.getByRole('heading', { name: 'Title' }).waitFor();
    expect(await v.answer.getByRole('cell').allInnerTexts()).toEqual(['1', '2']);
    await v.answer.locator('.katex-display .frac-line').waitFor({ state: 'attached' });
    expect(await v.answer.locator('.maths').count()).toBe(3);
    await v.answer.getByText('Costs $5 or $6').waitFor();
    await v.answer.locator('code .code-2', { hasText: 'const' }).waitFor();
    await v.answer.locator('code .code-1', { hasText: '// one' }).waitFor();
    const clipboard = (): Promise<string> => v.page.evaluate('navigator.clipboard.readText()');
    await v.answer.getByRole('button', { name: 'Copy code' }).click();
    await expect.poll(clipboard).toBe(`${code}\n`);
    await v.answer.getByRole('button', { name: 'Copy', exact: true }).click();
    await expect.poll(clipboard).toContain('# Title');
  });

  it('lets nothing that a model writes act', async () => {
    const v = await open();
    const hostile = [
      '<img src=x onerror="alert(1)"> <script>alert(2)</script> <svg onload=alert(3)>',
      '[a](javascript:alert(4)) [b](JaVaScRiPt:alert(5)) [c](data:text/html,<script>alert(6)</script>) [d](vbscript:x)',
      '![i](https://example.org/pixel.png) ![j](x" onerror="alert(7))',
      '[ok](https://example.org/) <https://example.org/auto>',
      '```html" onmouseover="alert(8)\n</code><img src=x onerror=alert(9)>\n```',
      '$\\href{javascript:alert(10)}{x}$ $\\htmlStyle{position:fixed}{y}$ $<img src=x onerror=alert(11)>$',
      '<iframe src="https://example.org"></iframe><form action="https://example.org"><button>x</button></form>',
      '[e]: javascript:alert(12)\n\n[e]',
    ].join('\n\n');
    stage.server.answer = () => ({ text: hostile });
    await v.ask(`<img src=x onerror="alert('question')">`);
    await v.page.waitForTimeout(300);
    expect(
      await v.page.evaluate(`[...document.querySelectorAll('.messages *')].flatMap((element) => [
        ...(['IMG', 'SCRIPT', 'IFRAME', 'FORM', 'OBJECT', 'EMBED', 'STYLE', 'LINK'].includes(element.tagName) ? [element.tagName] : []),
        ...element.getAttributeNames().filter((name) => name.startsWith('on')),
      ])`),
    ).toEqual([]);
    const links = await v.page.evaluate(
      `[...document.querySelectorAll('.messages a')].map((a) => [a.getAttribute('href'), a.rel])`,
    );
    const rel = 'noopener noreferrer nofollow';
    expect(links).toEqual([
      ['https://example.org/pixel.png', rel],
      ['https://example.org/', rel],
      ['https://example.org/auto', rel],
      // Addresses in what is text now.
      ['https://example.org', rel],
      ['https://example.org', rel],
    ]);
    for (const link of await v.page.locator('.messages a').all())
      expect(await link.getAttribute('target')).toBe('_blank');
  });

  it('speaks Chinese where the browser does, and changes language and theme for good', async () => {
    const v = await open({ locale: 'zh-CN' });
    await v.button('新对话').waitFor();
    expect(await v.page.locator('html').getAttribute('lang')).toBe('zh');
    await v.button(/switch to English/).click();
    await v.button('New chat').waitFor();
    const background = (): Promise<string> =>
      v.page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await background();
    await v.button(/^Theme/).click();
    await expect.poll(background).not.toBe(light);
    const dark = await background();
    await v.page.reload();
    await v.button('New chat').waitFor();
    await expect.poll(background).toBe(dark);
  });

  it('can be used with the keyboard alone', async () => {
    const v = await open();
    stage.server.answer = (question) => ({ text: `You said ${question}` });
    const focused = (): Promise<string> =>
      v.page.evaluate(
        `document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText ?? ''`,
      );
    const tabTo = async (name: RegExp): Promise<void> => {
      for (let i = 0; i < 30; i++) {
        if (name.test(await focused())) return;
        await v.page.keyboard.press('Tab');
      }
      throw new Error(`Tab never reaches ${name}`);
    };
    await v.field.waitFor();
    await expect.poll(focused).toBe('Ask something');
    await v.page.keyboard.type('keys');
    await v.page.keyboard.press('Enter');
    await v.answer.getByText('You said keys').waitFor();
    await v.settled();
    // Round through the list of conversations and the top bar to the answer's buttons.
    await tabTo(/^Settings$/);
    await v.page.keyboard.press('Enter');
    await v.page.getByRole('dialog').waitFor();
    await v.page.keyboard.press('Escape');
    await v.page.getByRole('dialog').waitFor({ state: 'detached' });
    await expect.poll(focused).toBe('Settings');
    await tabTo(/^Edit$/);
    await v.page.keyboard.press('Enter');
    await v.page.keyboard.type(' again');
    await v.page.keyboard.press('Enter');
    await v.answer.getByText('You said keys again').waitFor();
    await tabTo(/^Expert view$/);
    await v.page.keyboard.press('Enter');
    await v.page.locator('.token').first().waitFor();
    await tabTo(/^Tokens$/);
    await v.page.keyboard.press('Home');
    const selected = (): Promise<string> => v.page.locator('.token[aria-selected=true]').innerText();
    await expect.poll(selected).toBe('You');
    await v.page.keyboard.press('ArrowRight');
    await expect.poll(selected).toBe(' said');
    await tabTo(/^Map of/);
    await v.page.keyboard.press('ArrowDown');
    await v.page.keyboard.press('ArrowDown');
    await v.page.keyboard.press('ArrowRight');
    await v.page.getByText('Layer 2, expert 1: chosen for').waitFor();
  });
});
