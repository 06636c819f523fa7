import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const CANDIDATES = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** Why the tests of the page cannot run here; undefined where they can. */
export function whyNoBrowser(): string | undefined {
  if (!executable()) return 'there is no Chromium (apt-get install chromium, or set CHROMIUM)';
  const page = fileURLToPath(new URL('../../dist/page/index.html', import.meta.url));
  if (!existsSync(page)) return 'the page is not built (npm run build)';
  return undefined;
}

function executable(): string | undefined {
  return CANDIDATES.find((path) => path !== '' && existsSync(path));
}

/** A browser process; `visit` gives each test a profile of its own. */
export class TestBrowser {
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
      ...options,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
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
  private readonly problems: string[] = [];

  constructor(page: Page, origin: string) {
    this.page = page;
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

  /** Policy violations, uncaught errors, requests to elsewhere, alerts. Closes the page. */
  async end(): Promise<readonly string[]> {
    await this.page.context().close();
    return this.problems;
  }
}
