import { afterEach, expect, it } from 'vitest';
import { describePage, type Visit } from './browser.ts';
import { LARGE, startScriptedServer } from './scripted-server.ts';

const NUM_BUILDS = 20;

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
      await expect.poll(() => v.page.evaluate('navigator.serviceWorker.controller !== null')).toBe(true);
      return v;
    };
    /** Addresses in all caches, below the page's own. */
    const cached = async (v: Visit): Promise<string[][]> =>
      v.page.evaluate(`(async () => {
      const names = await caches.keys();
      const caching = names.map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url));
      return Promise.all(caching);
    })()`);

    it('shows each of 20 new builds at once, and keeps the files of the newest and of the one before', async () => {
      const v = await open();
      const { files } = stage.server;
      const before = new Map(files);
      restore = () => {
        for (const name of [...files.keys()]) files.delete(name);
        for (const [name, bytes] of before) files.set(name, bytes);
      };
      const [index, list] = ['/index.html', '/files.json'].map((name) => String(before.get(name)));
      const styles = String(/assets\/index-[\w-]+\.css/.exec(index));
      const namesOf = (build: number): string => `assets/index-build${build}.css`;
      const waited: unknown[] = [];
      for (let build = 1; build <= NUM_BUILDS; build++) {
        const meta = `<meta name="build" content="${build}"><title>`;
        const text = index.replaceAll(styles, namesOf(build)).replace('<title>', meta);
        files.delete(`/${namesOf(build - 1)}`);
        files.set(`/${namesOf(build)}`, before.get(`/${styles}`) as Buffer);
        files.set('/files.json', Buffer.from(list.replaceAll(styles, namesOf(build))));
        files.set('/index.html', Buffer.from(text));
        // Sometimes there is no tab for a moment, and sometimes the last load is still being cached.
        if (build % 3 === 0) await v.page.goto('about:blank');
        await v.page.goto(stage.server.url);
        await v.page.reload();
        await v.field.waitFor();
        expect(await v.page.locator('meta[name=build]').getAttribute('content')).toBe(String(build));
        waited.push(await v.page.evaluate(`performance.getEntriesByType('navigation')[0].workerStart`));
        if (build % 2 === 0)
          await expect
            .poll(async () => (await cached(v)).flat())
            .toContain(stage.server.url + namesOf(build));
      }
      // A load that waited for the browser to change workers would have waited for a second, or for minutes.
      expect(waited.filter((ms) => Number(ms) > 500)).toEqual([]);
      const kept = async (): Promise<string[]> =>
        (await cached(v)).flat().filter((address) => address.includes('index-build'));
      await v.page.reload();
      await expect.poll(async () => (await kept()).length).toBeLessThanOrEqual(2);
      expect(await kept()).toContain(stage.server.url + namesOf(NUM_BUILDS));
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
