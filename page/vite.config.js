import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { preact } from '@preact/preset-vite';
import { defineConfig } from 'vite';

/** KaTeX names each font in three formats; every browser that runs this page reads the first. */
const onlyWoff2 = {
  name: 'only-woff2',
  enforce: 'pre',
  transform(code, id) {
    if (!id.includes('katex') || !id.split('?')[0].endsWith('.css')) return undefined;
    return code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\([^)]*\)/g, '');
  },
};

/** The service worker is not bundled, and is the same for all builds: it reads the names of the files from a list. */
const serviceWorker = {
  name: 'service-worker',
  enforce: 'post',
  generateBundle(_, bundle) {
    const index = String(bundle['index.html'].source);
    const names = Object.keys(bundle).filter((name) => name.startsWith('assets/'));
    // Typesetter, highlighter and fonts are large, and seldom needed; all other parts are there from the start.
    const isLarge = ({ type, moduleIds = [] }) =>
      type === 'asset' || moduleIds.some((id) => /node_modules\/(katex|shiki|@shikijs)\//.test(id));
    const first = ['icon.svg', ...names.filter((name) => index.includes(name) || !isLarge(bundle[name]))];
    const files = { first, all: ['icon.svg', ...names] };
    this.emitFile({ type: 'asset', fileName: 'files.json', source: JSON.stringify(files) });
    const source = readFileSync(new URL('service-worker.js', import.meta.url), 'utf8');
    this.emitFile({ type: 'asset', fileName: 'service-worker.js', source });
  },
};

const outDir = fileURLToPath(new URL('../dist/page', import.meta.url));

/** Compressed once here, as small as it gets, so that the server needs no time for it. Fonts are compressed already. */
const compressed = {
  name: 'compressed',
  closeBundle() {
    for (const name of readdirSync(outDir, { recursive: true, encoding: 'utf8' })) {
      if (!['.html', '.js', '.json', '.css', '.svg'].includes(extname(name))) continue;
      const path = join(outDir, name);
      const bytes = readFileSync(path);
      writeFileSync(`${path}.br`, brotliCompressSync(bytes));
      writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
    }
  },
};

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Relative, so that a server may mount the page under any path.
  base: './',
  plugins: [preact(), onlyWoff2, serviceWorker, compressed],
  worker: { format: 'es' },
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy allows files of this origin only: no data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});
