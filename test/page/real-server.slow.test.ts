import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Model, open } from '../../src/engine/model.ts';
import { createApp } from '../../src/server/app.ts';
import { type Listening, listen } from '../../src/server/listen.ts';
import { readPageFiles } from '../../src/server/page-files.ts';
import { TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';
import { TestBrowser, whyNoBrowser } from './browser.ts';

const why = whyNoBrowser();

describe.skipIf(why)(`the page on the real server${why ? ` (skipped: ${why})` : ''}`, () => {
  let browser: TestBrowser;
  let model: Model;
  let server: Listening;
  beforeAll(async () => {
    [browser, model] = await Promise.all([
      TestBrowser.launch(),
      open(TINY_LLAMACPP_GGUF, { threads: 1, maxParallel: 4 }),
    ]);
    const page = readPageFiles(fileURLToPath(new URL('../../dist/page/', import.meta.url)));
    const app = createApp(model, { modelName: 'tiny', ...(page && { page }) });
    server = await listen(app, { host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await server?.shutDown(0);
    await model?.close();
    await browser?.close();
  });

  it('chats with a model, shows its real routing, and breaks none of the server’s rules', async () => {
    const v = await browser.visit(server.url);
    await v.page.getByRole('heading', { name: 'tiny' }).waitFor();
    await v.button('Settings').click();
    await v.page.getByLabel('Most tokens').fill('12');
    await v.page.getByLabel('Temperature').fill('0');
    await v.page.keyboard.press('Escape');
    await v.ask('Hello');
    expect(await v.answer.innerText()).toMatch(/12 tokens · \d+ tokens\/s/);
    await v.button('Expert view').click();

    // The same tokens and the same experts as the engine says.
    const expected: { text: string; experts: number[] }[] = [];
    const options = { maxTokens: 12, temperature: 0, routing: true };
    for await (const event of model.chat([{ role: 'user', content: 'Hello' }], options)) {
      if (event.type === 'token-delta')
        expected.push({ text: event.text, experts: [...(event.experts as Uint8Array)] });
    }
    await v.page.getByText('Busiest experts, layer by layer').click();
    const tokens = v.page.locator('.token');
    expect(await tokens.count()).toBe(12);
    for (const [i, { experts }] of expected.entries()) {
      await tokens.nth(i).click();
      const shown: string[] = await v.page.evaluate(
        `[...document.querySelectorAll('.expert-table tbody tr')].map((row) => row.lastElementChild.textContent)`,
      );
      expect(shown.flatMap((row) => row.split(' ').map(Number))).toEqual(experts);
    }
    expect(await v.end()).toEqual([]);
  });
});
