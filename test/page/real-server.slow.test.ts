import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { open } from '../../src/engine/model.ts';
import { createApp } from '../../src/server/app.ts';
import { listen } from '../../src/server/listen.ts';
import { readPageFiles } from '../../src/server/page-files.ts';
import { TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';
import { describePage } from './browser.ts';

async function startRealServer() {
  const model = await open(TINY_LLAMACPP_GGUF, { threads: 1, maxParallel: 4 });
  const page = readPageFiles(fileURLToPath(new URL('../../dist/page/', import.meta.url)));
  const app = createApp(model, { modelName: 'tiny', ...(page && { page }) });
  const server = await listen(app, { host: '127.0.0.1', port: 0 });
  const close = async (): Promise<void> => {
    await server.shutDown(0);
    await model.close();
  };
  return { url: server.url, model, close };
}

describePage('the page on the real server', startRealServer, (stage) => {
  it('chats with a model, shows its real routing, and breaks none of the server’s rules', async () => {
    const v = await stage.open();
    await v.page.getByRole('heading', { name: 'tiny' }).waitFor();
    await v.button('Settings').click();
    await v.page.getByLabel('Max tokens').fill('12');
    await v.page.getByLabel('Temperature').fill('0');
    await v.page.keyboard.press('Escape');
    await v.ask('Hello');
    expect(await v.answer.innerText()).toMatch(/12 tokens · \d+ tokens\/s/);
    await v.button('Expert view').click();

    // The same tokens and the same experts as the engine says.
    const expected: { text: string; experts: number[] }[] = [];
    const options = { maxTokens: 12, temperature: 0, routing: true };
    for await (const event of stage.server.model.chat([{ role: 'user', content: 'Hello' }], options)) {
      if (event.type === 'token-delta')
        expected.push({ text: event.text, experts: [...(event.experts as Uint8Array)] });
    }
    await v.page.getByText('Busiest experts, layer by layer').click();
    const tokens = v.page.locator('.token');
    await expect.poll(() => tokens.count()).toBe(12);
    for (const [i, { experts }] of expected.entries()) {
      await tokens.nth(i).click();
      const shown = async (): Promise<number[]> => {
        const rows: string[] = await v.page.evaluate(
          `[...document.querySelectorAll('.expert-table tbody tr')].map((row) => row.lastElementChild.textContent)`,
        );
        return rows.flatMap((row) => row.split(' ').map(Number));
      };
      await expect.poll(shown).toEqual(experts);
    }
  });
});
