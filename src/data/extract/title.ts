import type { ParsedPage } from './parse-page.ts';
import { tagId } from './tags.ts';

const TOP_HEADING = tagId('h1');
/** What separates the title of a page from the name of its site. */
const SEPARATOR = /\s+[|–—·•»«:/\\-]\s+|[_|｜]/;
const MAX_CHARS = 300;

/** The title of a page without the name of its site: what its data, its heading and `<title>` agree on. */
export function titleOf({ nodes, lines, title, meta, structured }: ParsedPage): string {
  const heading = lines.find((line) => nodes.tag[line.node] === TOP_HEADING)?.text ?? '';
  const social = (meta.get('og:title') ?? meta.get('twitter:title') ?? '').replace(/\s+/g, ' ').trim();
  const longest = title || social;
  // The heading is the title where `<title>` repeats it; elsewhere it may be the name of the site.
  for (const candidate of [structured.headline.trim(), heading, social]) {
    if (candidate !== '' && candidate !== longest && longest.startsWith(candidate))
      return candidate.slice(0, MAX_CHARS);
  }
  if (social !== '' && social !== title) return withoutSite(social, meta).slice(0, MAX_CHARS);
  return (withoutSite(longest, meta) || heading).slice(0, MAX_CHARS);
}

function withoutSite(text: string, meta: ReadonlyMap<string, string>): string {
  const site = (meta.get('og:site_name') ?? '').trim().toLowerCase();
  const parts = text.split(SEPARATOR).filter((part) => part.trim() !== '');
  if (parts.length < 2) return text.trim();
  const others = site === '' ? parts : parts.filter((part) => part.trim().toLowerCase() !== site);
  if (others.length < parts.length && others.length === 1) return others[0].trim();
  // The name of a site is the last part and shorter than the rest.
  const last = parts[parts.length - 1];
  const end = text.lastIndexOf(last);
  const rest = text.slice(0, end).replace(/[\s|–—·•»«:/\\_｜-]+$/, '');
  return rest.length >= last.length ? rest.trim() : text.trim();
}
