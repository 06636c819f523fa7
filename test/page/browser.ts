import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';

const CANDIDATES = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** Why the tests of the page cannot run here; undefined where they can. */
function whyNoBrowser(): string | undefined {
  if (!executable()) return 'there is no Chromium (apt-get install chromium, or set CHROMIUM)';
  const page = fileURLToPath(new URL('../../dist/page/index.html', import.meta.url));
  if (!existsSync(page)) return 'the page is not built (npm run build)';
  return undefined;
}

function executable(): string | undefined {
  return CANDIDATES.find((path) => path !== '' && existsSync(path));
}

export interface Stage<S> {
  readonly server: S;
  /** One visitor a test. */
  open(options?: BrowserContextOptions): Promise<Visit>;
}

/**
 * Tests of the page in a browser, on the server that `start` starts; skipped with the reason where there is no browser,
 * or for `whyNot`.
 * Whatever a test does: no policy violation, no uncaught error, no request to elsewhere.
 */
export function describePage<S extends { readonly url: string; close(): Promise<void> }>(
  name: string,
  start: () => Promise<S>,
  tests: (stage: Stage<S>) => void,
  whyNot?: string,
): void {
  const why = whyNoBrowser() ?? whyNot;
  describe.skipIf(why)(`${name}${why ? ` (skipped: ${why})` : ''}`, () => {
    let browser: TestBrowser | undefined;
    let server: S | undefined;
    let visit: Visit | undefined;
    beforeAll(async () => {
      [browser, server] = await Promise.all([TestBrowser.launch(), start()]);
    });
    afterAll(async () => {
      await browser?.close();
      await server?.close();
    });
    afterEach(async () => {
      expect((await visit?.end()) ?? []).toEqual([]);
      visit = undefined;
    });
    tests({
      get server(): S {
        return server as S;
      },
      open: async (options) => {
        visit = await (browser as TestBrowser).visit((server as S).url, options);
        return visit;
      },
    });
  });
}

/** A browser process; `visit` gives each test a profile of its own. */
class TestBrowser {
  private readonly browser: Browser;

  private constructor(browser: Browser) {
    this.browser = browser;
  }

  static async launch(): Promise<TestBrowser> {
    // Containers often run as root and with a small /dev/shm.
    const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];
    return new TestBrowser(await chromium.launch({ executablePath: executable() as string, args }));
  }

  async visit(url: string, options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await this.browser.newContext({
      locale: 'en-GB',
      viewport: { width: 1440, height: 900 },
      // Each would fetch the page a second time; offline.slow.test.ts has one.
      serviceWorkers: 'block',
      ...options,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const visit = new Visit(page, new URL(url).origin);
    await page.goto(url);
    return visit;
  }

  close(): Promise<void> {
    return this.browser.close();
  }
}

/** A visitor's page, and everything that went wrong on it. */
export class Visit {
  readonly page: Page;
  private readonly origin: string;
  private readonly problems: string[];

  constructor(page: Page, origin: string, problems: string[] = []) {
    this.page = page;
    this.origin = origin;
    this.problems = problems;
    page.on('pageerror', (error) => this.problems.push(`error: ${error.message}`));
    page.on('console', (message) => {
      // A refused request is part of some tests; everything else that the browser complains of is not.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        this.problems.push(`console: ${message.text()}`);
    });
    page.on('request', (request) => {
      const { protocol, origin: to } = new URL(request.url());
      if (protocol !== 'blob:' && to !== origin) this.problems.push(`request to ${request.url()}`);
    });
    page.on('dialog', (dialog) => {
      if (dialog.type() === 'alert') this.problems.push(`alert: ${dialog.message()}`);
    });
  }

  /** The same visitor's other tab, with the same storage. */
  async secondTab(): Promise<Visit> {
    const page = await this.page.context().newPage();
    page.setDefaultTimeout(60_000);
    const visit = new Visit(page, this.origin, this.problems);
    await page.goto(this.page.url());
    return visit;
  }

  /** The titles in the list of conversations. */
  titles(): Promise<readonly string[]> {
    return this.page.locator('.conversation-title').allInnerTexts();
  }

  /** Type a question and send it with Enter; waits for the whole answer. */
  async ask(question: string): Promise<void> {
    await this.begin(question);
    await this.settled();
  }

  async begin(question: string): Promise<void> {
    await this.field.fill(question);
    await this.field.press('Enter');
    await this.page.locator('.message.user', { hasText: question }).last().waitFor();
  }

  async settled(): Promise<void> {
    await this.page.locator('.message.assistant').last().waitFor();
    await this.page.locator('.message[aria-busy=true]').waitFor({ state: 'detached' });
  }

  get field() {
    return this.page.getByRole('textbox', { name: /Ask something|输入问题/ });
  }

  get answer() {
    return this.page.locator('.message.assistant').last();
  }

  button(name: string | RegExp) {
    return this.page.getByRole('button', typeof name === 'string' ? { name, exact: true } : { name });
  }

  /** What the page has put into the browser's database, as JSON. */
  stored(): Promise<string> {
    return this.page.evaluate(`new Promise((resolve, reject) => {
      const opening = indexedDB.open('dots');
      opening.onerror = reject;
      opening.onsuccess = () => {
        const transaction = opening.result.transaction(['conversations', 'messages']);
        const all = ['conversations', 'messages'].map((name) => transaction.objectStore(name).getAll());
        transaction.onabort = reject;
        transaction.oncomplete = () => {
          opening.result.close();
          resolve(JSON.stringify(all.map(({ result }) => result)));
        };
      };
    })`);
  }

  /** Policy violations, uncaught errors, requests to elsewhere, alerts. Closes the page. */
  async end(): Promise<readonly string[]> {
    await this.page.context().close();
    return this.problems;
  }
}
