/**
 * Opens the page without its server: conversations are in the browser anyway. Only files of the page are cached; everything
 * else, the API above all, goes to the server as if this worker did not exist.
 *
 * This script is the same for every build of the page. Were it not, each build would bring a worker of its own, and a page load
 * that comes while the browser changes workers waits until the old one has nothing left to do: a second, or minutes. So a load
 * waits for nothing here but its own request, and the page asks for the newest files to be cached once it is loaded.
 */
const { scope } = self.registration;
const OWN = `dots page ${scope} `;
const CACHE = `${OWN}files`;
/** Written by the build: the names of the page's files, and which of them it starts with. */
const LIST = new URL('files.json', scope).href;
/** A server that does not answer within this time is not there. */
const PATIENCE_MS = 5000;
const DOWNLOAD_LIMIT_MS = 60_000;
/** What a proxy answers when the server behind it is not there. */
const NO_SERVER = new Set([502, 503, 504]);

self.addEventListener('activate', (event) => {
  event.waitUntil(activate());
});
self.addEventListener('message', (event) => {
  // Without the server, what is cached stays.
  if (event.data === 'refresh') event.waitUntil(refresh().catch(() => {}));
});
self.addEventListener('fetch', (event) => {
  const { method, mode, url } = event.request;
  const address = url.split(/[?#]/)[0];
  if (method !== 'GET' || !address.startsWith(scope)) return;
  const file = address.slice(scope.length);
  if (file === '' || file === 'index.html') {
    if (mode === 'navigate') event.respondWith(openPage(event.request));
  } else if (isFile(file)) event.respondWith(readFile(event));
});

function isFile(name) {
  return name === 'icon.svg' || name.startsWith('assets/');
}

async function activate() {
  const names = (await caches.keys()).filter((name) => name.startsWith(OWN) && name !== CACHE);
  await Promise.all(names.map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** The server's page where there is a server, so that a new version shows at once. */
async function openPage(request) {
  const asking = new AbortController();
  const stored = await read(scope);
  // Without a stored page there is nothing better to show than what the browser says of the server.
  const timer = stored && setTimeout(() => asking.abort(), PATIENCE_MS);
  try {
    const response = await fetch(request, { signal: asking.signal });
    return stored && NO_SERVER.has(response.status) ? stored : response;
  } catch (error) {
    if (!stored) throw error;
    return stored;
  } finally {
    clearTimeout(timer);
  }
}

/** Names in assets/ hold a hash, so what is cached is right. */
async function readFile(event) {
  const stored = await read(event.request);
  if (stored) return stored;
  const response = await fetch(event.request);
  if (response.ok) event.waitUntil(store(event.request, response.clone()).catch(() => {}));
  return response;
}

let refreshing;

/** One at a time, however many tabs ask. */
function refresh() {
  refreshing ??= download().finally(() => {
    refreshing = undefined;
  });
  return refreshing;
}

/**
 * Caches the server's page: its other files first, one after the other to leave the connections to the page, and the index last,
 * so that what is cached is always one whole build. The files of the build before stay for tabs that run it; earlier ones go.
 */
async function download() {
  const [list, index] = [await ask(LIST), await ask(scope)];
  const { first, all } = await list.clone().json();
  const needed = (await index.clone().text()).match(/assets\/[\w.-]+/g) ?? [];
  // The server may have been replaced between the two.
  if (!needed.every((name) => all.includes(name))) return;
  const before = (await (await read(LIST))?.json())?.all ?? [];
  for (const name of first) {
    const address = new URL(name, scope).href;
    if (!name.startsWith('assets/') || !(await read(address))) await store(address, await ask(address));
  }
  await store(LIST, list);
  await store(scope, index);
  const kept = new Set([scope, LIST, ...[...all, ...before].map((name) => new URL(name, scope).href)]);
  const cache = await caches.open(CACHE);
  for (const { url } of await cache.keys()) if (!kept.has(url)) await cache.delete(url);
}

async function ask(address) {
  // An index that the browser has cached may be that of an earlier build.
  const init = { cache: 'no-cache', signal: AbortSignal.timeout(DOWNLOAD_LIMIT_MS) };
  const response = await fetch(address, init);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response;
}

function read(request) {
  return caches.match(request, { cacheName: CACHE, ignoreVary: true });
}

async function store(request, response) {
  const cache = await caches.open(CACHE);
  await cache.put(request, response);
}
