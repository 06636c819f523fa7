// Takes the pictures of docs/chat-page.md: mini, served on a free port, asked in two languages in a real browser, at the widths
// of a telephone, a tablet and a screen, and at 200 %. Pictures need a font with Chinese characters (apt-get install fonts-wqy-microhei).
// node scripts/page-pictures.mjs (after `npm run build`; needs Chromium, or CHROMIUM=/path)
import { existsSync, writeFileSync } from 'node:fs';
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
 * @typedef {{ width: number, height: number, isDark?: boolean, scale?: number, isTouch?: boolean }} Look
 * @param {string} name
 * @param {Look} look
 * @param {(page: import('playwright-core').Page) => Promise<void>} prepare
 */
async function picture(name, { width, height, isDark, scale = 1, isTouch = false }, prepare) {
  const context = await browser.newContext({
    locale: 'en-GB',
    viewport: { width, height },
    colorScheme: isDark ? 'dark' : 'light',
    deviceScaleFactor: scale,
    hasTouch: isTouch,
    isMobile: isTouch,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  await page.goto(server.url);
  await page.getByRole('button', { name: 'Settings', exact: true }).click();
  await page.getByLabel('Temperature').fill('0');
  await page.keyboard.press('Escape');
  for (const [i, question] of QUESTIONS.entries()) {
    await page.getByRole('textbox', { name: 'Ask something' }).fill(question);
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.locator('.message.assistant').nth(i).waitFor();
    await page.locator('.message[aria-busy=true]').waitFor({ state: 'detached' });
  }
  await page.mouse.move(width - 1, 0);
  await prepare(page);
  const session = await context.newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', {
    format: 'webp',
    quality: 80,
    clip: { x: 0, y: 0, width, height, scale },
  });
  writeFileSync(local(`docs/chat-page/${name}.webp`), Buffer.from(data, 'base64'));
  await context.close();
}

/** @param {import('playwright-core').Page} page */
const openExperts = (page) => page.getByRole('button', { name: 'Expert view', exact: true }).click();

await picture('page', { width: 1440, height: 900 }, async (page) => {
  await openExperts(page);
  await page.locator('.token').nth(3).click();
});
await picture('groups', { width: 512, height: 800, isDark: true }, async (page) => {
  await openExperts(page);
  await page.getByRole('radio', { name: 'Two groups' }).check();
});
await picture('tablet', { width: 768, height: 1024, isDark: true }, async () => {});
await picture('telephone', { width: 390, height: 844, isTouch: true }, async () => {});
await picture('telephone-experts', { width: 390, height: 844, isTouch: true, isDark: true }, async (page) => {
  await openExperts(page);
  await page.locator('.token').nth(3).tap();
});
// As a browser window of 1440 × 900 shows the page at 200 %.
await picture('zoom', { width: 720, height: 450, scale: 2 }, async () => {});
await browser.close();
await server.shutDown(0);
await model.close();
