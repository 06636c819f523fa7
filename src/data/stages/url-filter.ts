/**
 * Decides on the URL alone, as RefinedWeb does (arXiv:2306.01116, appendix G.1): blocked domains with everything below them,
 * single hosts and URLs, words of which one is enough, words of which two are, and parts of words.
 */
import type { ObjectReader } from '../../format/object-reader.ts';
import { defineStage, type Emission, exclude, perDocument, type Reason } from '../plan/stage.ts';
import { PhraseFinder } from './phrase-finder.ts';
import { hostOf, parseUrl, readLists, SAMPLE_LISTS, urlKey } from './url-lists.ts';

const LISTS = ['domains', 'hosts', 'urls', 'hardWords', 'softWords', 'subwords'] as const;
type ListName = (typeof LISTS)[number];

/** Files of each list. */
type UrlFilterConfig = Readonly<Record<ListName, readonly string[]>> & {
  /** Soft words that a URL may have, less one. */
  readonly maxSoftWords: number;
};

const SAMPLE = 'sample';

export const urlFilterStage = defineStage<UrlFilterConfig>({
  name: 'url-filter',
  version: 1,
  input: { doc_no: 'int', url: 'text' },
  output: (input) => input,
  configure: readConfig,
  files: (config) => LISTS.flatMap((name) => config[name].map((file) => fileOf(name, file))),
  async open(config, { resolve }) {
    const load = (name: ListName) => readLists(config[name].map((file) => resolve(fileOf(name, file))));
    const [domains, hosts, urls, hardWords, softWords, subwords] = await Promise.all(LISTS.map(load));
    const find = urlMatcher({ domains, hosts, urls, hardWords, softWords, subwords }, config.maxSoftWords);
    return perDocument((row): Emission => {
      const reason = typeof row.url === 'string' ? find(row.url) : undefined;
      return reason ? exclude(row, reason) : { row };
    });
  },
});

function readConfig(fields: ObjectReader): UrlFilterConfig {
  const lists = Object.fromEntries(LISTS.map((name) => [name, fields.strings(name) ?? []]));
  const isEmpty = LISTS.every((name) => lists[name].length === 0);
  const sample = Object.fromEntries(Object.keys(SAMPLE_LISTS).map((name) => [name, [SAMPLE]]));
  return {
    ...(lists as Record<ListName, string[]>),
    ...(isEmpty && sample),
    maxSoftWords: fields.integer('maxSoftWords', { fallback: 2 }),
  };
}

/** The name `sample` in the hash, whatever folder the program is in. */
function fileOf(list: ListName, file: string): string {
  return file === SAMPLE && Object.hasOwn(SAMPLE_LISTS, list)
    ? SAMPLE_LISTS[list as keyof typeof SAMPLE_LISTS]
    : file;
}

/** The reason to refuse a URL, if there is one. What is not a URL is not refused. */
export function urlMatcher(
  lists: Readonly<Record<ListName, readonly string[]>>,
  maxSoftWords: number,
): (url: string) => Reason | undefined {
  const withoutWww = (entry: string): string => entry.replace(/^www\./, '');
  const domains = new Set(lists.domains.map(withoutWww));
  const hosts = new Set(lists.hosts.map(withoutWww));
  const urls = new Set(lists.urls.flatMap((entry) => keyOfEntry(entry)));
  const hardWords = new Set(lists.hardWords);
  const softWords = new Set(lists.softWords);
  const subwords = new PhraseFinder(lists.subwords);
  return (text) => {
    const url = parseUrl(text);
    if (!url) return undefined;
    const host = hostOf(url);
    const domain = blockedSuffix(host, domains);
    if (domain !== undefined) return { rule: 'blocked-domain', detail: domain };
    if (hosts.has(host)) return { rule: 'blocked-host', detail: host };
    const key = urlKey(url);
    if (urls.has(key)) return { rule: 'blocked-url', detail: key };
    const words = wordsOf(`${host}${url.pathname}${url.search}`);
    const hard = words.find((word) => hardWords.has(word));
    if (hard !== undefined) return { rule: 'hard-word', detail: hard };
    const soft = words.filter((word) => softWords.has(word));
    if (soft.length >= maxSoftWords)
      return { rule: 'soft-words', value: soft.length, limit: maxSoftWords, detail: soft.join(' ') };
    const subword = subwords.find(key);
    if (subword !== undefined) return { rule: 'banned-subword', detail: subword };
    return undefined;
  };
}

function keyOfEntry(entry: string): string[] {
  const url = parseUrl(/^https?:/.test(entry) ? entry : `http://${entry}`);
  return url ? [urlKey(url)] : [];
}

/** The host itself or a parent domain, label by label: `notbet.example` is not below `bet.example`. */
function blockedSuffix(host: string, domains: ReadonlySet<string>): string | undefined {
  for (let rest = host; ; rest = rest.slice(rest.indexOf('.') + 1)) {
    if (domains.has(rest)) return rest;
    if (!rest.includes('.')) return undefined;
  }
}

function wordsOf(text: string): string[] {
  return decoded(text)
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
