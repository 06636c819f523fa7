/** Lists of what the URL filter refuses, read from text files in the formats in which such lists are published. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** A small sample that shows the format; real lists are much longer. */
export const SAMPLE_LISTS = {
  domains: fileURLToPath(new URL('../../../lists/blocked-domains.txt', import.meta.url)),
  hardWords: fileURLToPath(new URL('../../../lists/hard-words.txt', import.meta.url)),
  softWords: fileURLToPath(new URL('../../../lists/soft-words.txt', import.meta.url)),
} as const;

/**
 * Entries of a list, one for each line, in lower case: a plain entry (`domains` and `urls` of directory-style blocklists), a
 * line of a hosts file (`0.0.0.0 example.com`) or a filter rule (`||example.com^`). `#` and `!` begin comments.
 */
export function parseList(text: string): string[] {
  return text.split('\n').flatMap((raw) => {
    const line = raw.replace(/\s+#.*$/, '').trim();
    if (line === '' || /^[#![]/.test(line)) return [];
    const rule = /^\|\|([^^/$]+)\^(?:\$.*)?$/.exec(line)?.[1];
    const host = /^(?:0\.0\.0\.0|127\.0\.0\.1|::1?)\s+(\S+)/.exec(line)?.[1];
    const entry = (rule ?? host ?? line).toLowerCase();
    return entry === 'localhost' || /\s/.test(entry) ? [] : [entry];
  });
}

export async function readLists(files: readonly string[]): Promise<string[]> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  return texts.flatMap(parseList);
}

/** `http://www.Example.com:80/a/` -> `example.com/a`: how exact URLs are compared. */
export function urlKey(url: URL): string {
  return `${hostOf(url)}${url.pathname.replace(/\/+$/, '')}${url.search}`.toLowerCase();
}

/** Lower case and punycode, as `URL` makes it, without `www.` and a dot at the end. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/\.$/, '').replace(/^www\./, '');
}

/** Undefined for what is not an http(s) URL. */
export function parseUrl(text: string): URL | undefined {
  try {
    const url = new URL(text);
    return /^https?:$/.test(url.protocol) ? url : undefined;
  } catch {
    return undefined;
  }
}
