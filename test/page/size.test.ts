import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';

const folder = new URL('../../dist/page/', import.meta.url);
const index = new URL('index.html', folder);

it.skipIf(!existsSync(fileURLToPath(index)))(
  'the page is at most 300 kB, 90 kB compressed, before what it loads when it is needed',
  () => {
    const html = readFileSync(index);
    const names = [...html.toString().matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(
      ([, name]) => name,
    );
    expect(names.some((name) => name.endsWith('.js'))).toBe(true);
    const files = [html, ...names.map((name) => readFileSync(new URL(name, folder)))];
    const sum = (sizes: readonly number[]): number => sizes.reduce((all, size) => all + size, 0);
    expect(sum(files.map((file) => file.length))).toBeLessThan(300_000);
    expect(sum(files.map((file) => gzipSync(file, { level: 9 }).length))).toBeLessThan(90_000);
  },
);
