// Takes the pictures of docs/chat-page.md: mini, served on a free port, asked in two languages in a real browser.
// node scripts/page-pictures.mjs (after `npm run build`; needs Chromium, or CHROMIUM=/path)
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { open } from '../dist/engine/model.js';
import { createApp } from '../dist/server/app.js';
import { listen } from '../dist/server/listen.js';
import { readPageFiles } from '../dist/server/page-files.js';

const local = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const QUESTIONS = ['Why is the sky blue?', '天空为什么是蓝色的？', 'Tell me a story about a rabbit'];

const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (path) => path && existsSync(path),
);
const model = await open(local('models/mini.gguf'), { maxParallel: 2 });
const app = createApp(model, { modelName: 'mini', page: readPageFiles(local('dist/page/')) });
const server = await listen(app, { host: '127.0.0.1', port: 0 });
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });

async function picture(name, viewport, colorScheme, prepare) {
  const context = await browser.newContext({ locale: 'en-GB', viewport, colorScheme });
  const page = await context.newPage();
  await page.goto(server.url);
  const button = (label) => page.getByRole('button', { name: label, exact: true });
  await button('Settings').click();
  await page.getByLabel('Temperature').fill('0');
  await page.keyboard.press('Escape');
  for (const [i, question] of QUESTIONS.entries()) {
    await page.getByRole('textbox', { name: 'Ask something' }).fill(question);
    await page.keyboard.press('Enter');
    await page.locator('.message.assistant').nth(i).waitFor();
    await page.locator('.message[aria-busy=true]').waitFor({ state: 'detached' });
  }
  await button('Expert view').click();
  await prepare(page);
  await page.screenshot({ path: local(`docs/chat-page/${name}.png`) });
  await context.close();
}

await picture('page', { width: 1280, height: 800 }, 'light', (page) => page.locator('.token').nth(3).click());
await picture('groups', { width: 512, height: 800 }, 'dark', (page) =>
  page.getByRole('radio', { name: 'Two groups' }).check(),
);
await browser.close();
await server.shutDown(0);
await model.close();
