/**
 * Opens the page without its server: conversations are in the browser anyway. The build puts VERSION, FIRST (what the page
 * needs to start) and LATER (what it loads when it needs it) in front. Only these files are cached; everything else, the API
 * above all, goes to the server as if this worker did not exist.
 */
/* global VERSION, FIRST, LATER */
const { scope } = self.registration;
const OWN = `dots page ${scope} `;
const CACHE = OWN + VERSION;
/** A server that does not answer within this time is not there. */
const PATIENCE_MS = 5000;
/** What a proxy answers when the server behind it is not there. */
const NO_SERVER = new Set([502, 503, 504]);

self.addEventListener('install', (event) => {
  event.waitUntil(install());
});
self.addEventListener('activate', (event) => {
  event.waitUntil(activate());
});
self.addEventListener('fetch', (event) => {
  const { method, mode, url } = event.request;
  const address = url.split(/[?#]/)[0];
  if (method !== 'GET' || !address.startsWith(scope)) return;
  const file = address.slice(scope.length);
  if (file === '' || file === 'index.html') {
    if (mode === 'navigate') event.respondWith(openPage(event.request));
  } else if (FIRST.includes(file) || LATER.includes(file)) event.respondWith(readFile(event.request));
});

async function install() {
  const cache = await caches.open(CACHE);
  // Names in assets/ hold a hash, so what the browser has of them is right; the index is asked for again.
  const index = new Request(scope, { cache: 'no-cache' });
  await cache.addAll([index, ...FIRST.map((file) => new URL(file, scope).href)]);
}

/** The worker of a new build is activated when the last tab of the earlier build is closed: its files are unused then. */
async function activate() {
  const names = (await caches.keys()).filter((name) => name.startsWith(OWN) && name !== CACHE);
  await Promise.all(names.map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** The server's page where there is a server, so that a new version shows at once. */
async function openPage(request) {
  const stored = await caches.match(scope, { cacheName: CACHE, ignoreVary: true });
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return stored && NO_SERVER.has(response.status) ? stored : response;
  } catch (error) {
    if (!stored) throw error;
    return stored;
  }
}

async function readFile(request) {
  const stored = await caches.match(request, { ignoreVary: true });
  if (stored) return stored;
  const response = await fetch(request);
  if (response.ok) {
    const cache = await caches.open(CACHE);
    await cache.put(request, response.clone());
  }
  return response;
}
