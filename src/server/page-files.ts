import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import type { PageEncoding, PageFile } from './options.ts';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.woff': 'font/woff',
  '.ttf': 'font/ttf',
  '.txt': 'text/plain; charset=utf-8',
};

/** How files with compressed content are called, next to the file itself. */
const COMPRESSED: readonly (readonly [PageEncoding, string])[] = [
  ['br', '.br'],
  ['gzip', '.gz'],
];

/**
 * All files of a built page, in memory: it is small, and no path that a client sends ever reaches the file system.
 * Undefined where the page is not built.
 */
export function readPageFiles(folder: string): ReadonlyMap<string, PageFile> | undefined {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
  } catch {
    return undefined;
  }
  const all = new Set(names);
  const files = names
    .filter((name) => extname(name) in CONTENT_TYPES)
    .map((name): [string, PageFile] => {
      const bytes = readFileSync(join(folder, name));
      const compressed = COMPRESSED.filter(([, ending]) => all.has(name + ending)).map(
        ([encoding, ending]) => [encoding, readFileSync(join(folder, name + ending))] as const,
      );
      return [
        name,
        {
          bytes,
          compressed: Object.fromEntries(compressed),
          version: createHash('sha256').update(bytes).digest('base64url').slice(0, 22),
          contentType: CONTENT_TYPES[extname(name)],
          // Vite puts a hash of the content into the names of what lies in assets/.
          isImmutable: /^assets\/.+-[\w-]{8,}\.\w+$/.test(name),
        },
      ];
    });
  return new Map(files);
}
