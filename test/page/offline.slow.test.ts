import { afterEach, expect, it } from 'vitest';
import { describePage, type Visit } from './browser.ts';
import { LARGE, startScriptedServer } from './scripted-server.ts';

// Under a path, as behind a proxy: the worker may not leave it.
describePage(
  'the service worker',
  () => startScriptedServer(LARGE, '/chat/'),
  (stage) => {
    let restore = (): void => {};
    afterEach(() => restore());
    const open = async (): Promise<Visit> => {
      const v = await stage.open({ serviceWorkers: 'allow' });
      await v.page.evaluate('navigator.serviceWorker.ready');
      await v.page.waitForFunction('navigator.serviceWorker.controller !== null');
      return v;
    };
    /** Addresses in all caches, below the page's own. */
    const cached = async (v: Visit): Promise<string[][]> =>
      v.page.evaluate(`(async () => {
      const names = await caches.keys();
      const caching = names.map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url));
      return Promise.all(caching);
    })()`);

    it('shows a new version at once, and drops the files of earlier ones when no tab of theirs is open', async () => {
      const v = await open();
      const { files } = stage.server;
      const [index, worker] = [files.get('/index.html'), files.get('/service-worker.js')].map(String);
      restore = () => {
        files.set('/index.html', Buffer.from(index));
        files.set('/service-worker.js', Buffer.from(worker));
      };
      for (const version of ['second', 'third', 'fourth']) {
        files.set(
          '/index.html',
          Buffer.from(index.replace('<title>', `<meta name="build" content="${version}"><title>`)),
        );
        files.set(
          '/service-worker.js',
          Buffer.from(worker.replace(/VERSION = "\w+"/, `VERSION = "${version}"`)),
        );
        await v.page.reload();
        expect(await v.page.locator('meta[name=build]').getAttribute('content')).toBe(version);
        await v.page.evaluate('navigator.serviceWorker.ready.then((registration) => registration.update())');
        await expect
          .poll(() => v.page.evaluate('caches.keys()'))
          .toEqual(expect.arrayContaining([expect.stringContaining(version)]));
      }
      const next = await v.page.context().newPage();
      await v.page.close();
      await next.goto('about:blank');
      await expect
        .poll(async () => {
          await next.goto(stage.server.url);
          const names = await next.evaluate('caches.keys()');
          await next.goto('about:blank');
          return names;
        })
        .toEqual([expect.stringContaining('fourth')]);
    });

    it('opens conversations without the server, and caches nothing that is not a file of the page', async () => {
      const v = await open();
      stage.server.answer = () => ({ text: 'Still here, with $x^2$.' });
      await v.ask('Fruit');
      await v.answer.locator('.katex').waitFor();
      const { url } = stage.server;
      const own = [url, ...[...stage.server.files.keys()].map((path) => url + path.slice(1))];
      const addresses = (await cached(v)).flat();
      expect(addresses).toContain(url);
      expect(addresses.filter((address) => !own.includes(address))).toEqual([]);

      await stage.server.close();
      await v.page.reload();
      await v.page.getByRole('navigation').getByText('Fruit').click();
      await v.answer.getByText('Still here').waitFor();
      await v.answer.locator('.katex').waitFor();
      await v.page.getByRole('alert').first().waitFor();
      // Also parts that were never loaded while there was a server.
      await v.button('Expert view').click();
      await v.page.locator('.token', { hasText: 'Still' }).waitFor();
    });
  },
);
