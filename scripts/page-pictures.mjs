// Takes the pictures of docs/chat-page.md: mini, served on a free port, asked in two languages in a real browser.
// node scripts/page-pictures.mjs (after `npm run build`; needs Chromium, or CHROMIUM=/path)
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

// What is built runs; the types are those of its source, which is there before anything is built.
/** @param {string} file */
const built = (file) => import(new URL(`../dist/${file}`, import.meta.url).href);
/** @type {typeof import('../src/engine/model.ts')} */
const { open } = await built('engine/model.js');
/** @type {typeof import('../src/server/app.ts')} */
const { createApp } = await built('server/app.js');
/** @type {typeof import('../src/server/listen.ts')} */
const { listen } = await built('server/listen.js');
/** @type {typeof import('../src/server/page-files.ts')} */
const { readPageFiles } = await built('server/page-files.js');

/** @param {string} path */
const local = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const QUESTIONS = ['Why is the sky blue?', '天空为什么是蓝色的？', 'Tell me a story about a rabbit'];

const browsers = [process.env.CHROMIUM ?? '', '/usr/bin/chromium', '/usr/bin/google-chrome'];
const executablePath = browsers.find((path) => existsSync(path));
if (!executablePath) throw new Error('there is no Chromium; name one with CHROMIUM=/path');
const page = readPageFiles(local('dist/page/'));
if (!page) throw new Error('the chat page is not built: npm run build');
const model = await open(local('models/mini.gguf'), { maxParallel: 2 });
const app = createApp(model, { modelName: 'mini', page });
const server = await listen(app, { host: '127.0.0.1', port: 0 });
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });

/**
 * @param {string} name
 * @param {{ width: number, height: number }} viewport
 * @param {'light' | 'dark'} colorScheme
 * @param {(page: import('playwright-core').Page) => Promise<void>} prepare
 */
async function picture(name, viewport, colorScheme, prepare) {
  const context = await browser.newContext({ locale: 'en-GB', viewport, colorScheme });
  const page = await context.newPage();
  await page.goto(server.url);
  const button = (/** @type {string} */ label) => page.getByRole('button', { name: label, exact: true });
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
