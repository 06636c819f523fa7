import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { open } from '../../src/engine/model.ts';
import { createApp } from '../../src/server/app.ts';
import { listen } from '../../src/server/listen.ts';
import { readPageFiles } from '../../src/server/page-files.ts';
import { TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';
import { describePage } from './browser.ts';

async function startRealServer(path: string, modelName: string) {
  const model = await open(path, { threads: 1, maxParallel: 4 });
  const page = readPageFiles(fileURLToPath(new URL('../../dist/page/', import.meta.url)));
  const app = createApp(model, { modelName, ...(page && { page }) });
  const server = await listen(app, { host: '127.0.0.1', port: 0 });
  const close = async (): Promise<void> => {
    await server.shutDown(0);
    await model.close();
  };
  return { url: server.url, model, close };
}

const startTiny = () => startRealServer(TINY_LLAMACPP_GGUF, 'tiny');
describePage('the page on the real server', startTiny, (stage) => {
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

  it('continues a cut answer, and shows the chances that the engine gives', async () => {
    const v = await stage.open();
    await v.page.getByRole('heading', { name: 'tiny' }).waitFor();
    await v.button('Settings').click();
    await v.page.getByLabel('Max tokens').fill('6');
    await v.page.getByLabel('Temperature').fill('0');
    await v.page.getByLabel(/Record token probabilities/).check();
    await v.page.keyboard.press('Escape');
    await v.ask('Hello');
    expect(await v.answer.innerText()).toMatch(/token limit.*6 tokens/);
    await v.button('Continue').click();
    await expect.poll(() => v.answer.innerText()).toMatch(/12 tokens/);
    await v.settled();
    await v.answer.getByRole('button', { name: 'Token probabilities' }).click();
    await expect.poll(() => v.answer.locator('.token').count()).toBe(12);
    const options = { maxTokens: 1, temperature: 0, logprobs: 5 };
    let expected = 0;
    for await (const event of stage.server.model.chat([{ role: 'user', content: 'Hello' }], options))
      if (event.type === 'token-delta') expected = Math.exp(event.logprobs?.[0].logprob ?? 0);
    await v.answer.locator('.token').first().click();
    const chosen = await v.answer.locator('.token-odds .chosen td').first().innerText();
    expect(Number.parseFloat(chosen) / 100).toBeCloseTo(expected, 3);
  });
});

const SMOLLM2 = process.env.DOTS_SMOLLM2;
describePage(
  'the page with a dense model that others trained',
  () => startRealServer(SMOLLM2 as string, 'smollm2'),
  (stage) => {
    it('chats over two turns, and the expert view says that the model has no experts', async () => {
      const v = await stage.open();
      await v.page.getByRole('heading', { name: 'smollm2' }).waitFor();
      await v.button('Settings').click();
      await v.page.getByLabel('Temperature').fill('0');
      await v.page.keyboard.press('Escape');
      await v.ask('Which planet is the largest in the solar system?');
      expect(await v.answer.innerText()).toContain('Jupiter');
      expect(await v.answer.innerText()).not.toContain('<|im_');
      await v.ask('How many letters has its name?');
      expect(await v.page.locator('.message').count()).toBe(4);
      await v.button('Expert view').click();
      await v.page.getByText(/no experts/).waitFor();
    });
  },
  SMOLLM2 ? undefined : 'DOTS_SMOLLM2 does not name its GGUF file',
);
