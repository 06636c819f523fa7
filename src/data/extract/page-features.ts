/** What the model of page types sees of a page: its address, data about it, counts of elements and phrases. */
import { CLASS_GROUPS } from './class-groups.ts';
import { type LineStats, PHRASE_KINDS } from './line-stats.ts';
import type { ParsedPage } from './parse-page.ts';
import { regionBit, tagId } from './tags.ts';

export const PAGE_TYPES = [
  'article',
  'documentation',
  'service',
  'forum',
  'collection',
  'product',
  'listing',
] as const;
export type PageType = (typeof PAGE_TYPES)[number];

const URL_WORDS: Readonly<Record<string, RegExp>> = {
  product: /\/(?:products?|p|item|itm|dp|gp|pd|shop|buy)\/|\.p(?:\/|$)|\/prd|sku|-p-?\d/,
  collection:
    /\/(?:collections?|c|category|categories|cat|shop|store|browse|s|departments?|b)(?:\/|$)|product-category|\/cat-/,
  blog: /blog|\/news\/|\/articles?\/|\/posts?\/|\/stor(?:y|ies)\/|magazine|insights|\/guides?\/|resources|\/learn\//,
  date: /\/20\d\d\/|\/20\d\d-\d\d|[-/]20[12]\d(?:[-/]|$)/,
  docs: /docs?[./]|documentation|\/api|reference|manual|\/help\/|tutorial|developer|\/guide\/|\.readthedocs|\/learn|wiki|support\.|kb\./,
  forum:
    /forum|community|communities|thread|\/t\/|topic|viewtopic|showthread|discuss|reddit|\/r\/|questions?\/|answers|board|stackexchange|stackoverflow|ycombinator|\/comments\//,
  listing:
    /\/(?:list|search|tag|tags|topics?|directory|jobs|events|index|archive|category|browse|news|blog|courses|top|best|charts?|rankings?)(?:\/|$)|\?q=|page=/,
  service:
    /services?|pricing|plans|solutions|features|about|product(?:$|\/$)|platform|company|consult|program|degree|enterprise/,
  howto: /how-to|what-is|why-|best-|top-\d|tips|review|guide|vs-/,
};
const LD_TYPES: Readonly<Record<string, RegExp>> = {
  article:
    /^(?:article|newsarticle|blogposting|reportagenewsarticle|report|scholarlyarticle|opinionnewsarticle|liveblogposting|medicalwebpage)$/,
  product: /^(?:product|productgroup|individualproduct|vehicle|car|book)$/,
  offer: /^(?:offer|aggregateoffer)$/,
  forum: /^(?:discussionforumposting|qapage|question|answer|comment|socialmediaposting)$/,
  list: /^(?:itemlist|collectionpage|searchresultspage|offercatalog|blog)$/,
  faq: /^faqpage$/,
  service:
    /^(?:service|organization|localbusiness|professionalservice|corporation|softwareapplication|webapplication|educationalorganization|course|collegeoruniversity|medicalbusiness|financialservice)$/,
  docs: /^(?:techarticle|apireference|howto|softwaresourcecode)$/,
  recipe: /^recipe$/,
  review: /^(?:review|aggregaterating)$/,
  crumbs: /^breadcrumblist$/,
  person: /^person$/,
};
const GENERATORS: Readonly<Record<string, RegExp>> = {
  forum: /discourse|phpbb|vbulletin|xenforo|mybb|invision|vanilla|simplemachines|flarum|nodebb|jforum|smf/,
  docs: /sphinx|mkdocs|docusaurus|gitbook|hugo|jekyll|vuepress|vitepress|docfx|doxygen|javadoc|mdbook|antora|readme|asciidoc|nextra|starlight/,
  shop: /shopify|woocommerce|magento|prestashop|bigcommerce|opencart/,
  wordpress: /wordpress/,
  builder: /wix|squarespace|webflow|drupal|joomla|hubspot/,
};
const COUNTED_TAGS = (
  'a p li h1 h2 h3 article section table td pre code form input button select option dl time label blockquote nav main ' +
  'figure details ul'
).split(' ');

export const PAGE_FEATURES: readonly string[] = [
  ...Object.keys(URL_WORDS).map((name) => `url:${name}`),
  'url:depth',
  'url:chars',
  'url:dashes',
  'url:digits',
  'url:last-dashes',
  'url:has-query',
  'host:forum',
  'host:docs',
  'host:shop',
  'host:blog',
  ...Object.keys(LD_TYPES).map((name) => `data:${name}`),
  'og:article',
  'og:product',
  'og:website',
  'meta:published',
  'meta:price',
  'meta:author',
  ...Object.keys(GENERATORS).map((name) => `made-by:${name}`),
  ...COUNTED_TAGS.map((tag) => `tag:${tag}`),
  'images',
  ...PHRASE_KINDS.map((kind) => `phrase:${kind}`),
  ...CLASS_GROUPS.map((group) => `class:${group}`),
  ...Object.keys(URL_WORDS).map((name) => `title:${name}`),
  'title:words',
  'title:question',
  'title:digits',
  'lines',
  'words',
  'link-share',
  'long-lines',
  'long-line-words',
  'longest-line',
  'sentences',
  'sentences-per-line',
  'mean-line',
  'prices',
  'dates',
  'questions',
  'headings-per-line',
  'most-of-one-look',
  'words-of-one-look',
  'links-of-one-look',
  'code-words',
  'paragraph-words',
  'list-words',
  'table-words',
  'linked-headings',
  'headings-in-items',
  'dates-alone',
  'bylines',
  'code-lines',
  'words-in-main',
  'paragraphs-in-main',
  'links-in-main',
  'mean-paragraph',
  'paragraphs',
  'first-heading-in-title',
  'user-lines',
  'button-lines',
  'option-lines',
];

const HOSTS: Readonly<Record<string, RegExp>> = {
  forum: /forum|community|discuss|boards?\.|talk|reddit|stack/,
  docs: /^docs?\.|developer|help\.|support\.|wiki|readthedocs|api\.|learn\./,
  shop: /shop|store/,
  blog: /blog|news|times|post|magazine|daily/,
};

/** One number for each of `PAGE_FEATURES`. */
export function pageFeatures(page: ParsedPage, stats: readonly LineStats[], url: string): Float32Array {
  const values = new Float32Array(PAGE_FEATURES.length);
  let at = 0;
  const put = (value: number): void => {
    values[at++] = value;
  };
  const { host, path, query } = splitUrl(url);
  const known = url === '' ? -1 : 0;
  for (const pattern of Object.values(URL_WORDS)) put(pattern.test(path + query) ? 1 : known);
  const parts = path.split('/').filter((part) => part !== '');
  const last = parts.at(-1) ?? '';
  put(url === '' ? -1 : parts.length);
  put(path.length);
  put(count(path, '-'));
  put((path.match(/\d/g) ?? []).length);
  put(count(last, '-'));
  put(query === '' ? 0 : 1);
  for (const pattern of Object.values(HOSTS)) put(pattern.test(host) ? 1 : 0);

  const types = [...page.structured.types];
  for (const pattern of Object.values(LD_TYPES)) put(types.some((type) => pattern.test(type)) ? 1 : 0);
  const { meta } = page;
  const ogType = (meta.get('og:type') ?? '').toLowerCase();
  put(ogType.includes('article') ? 1 : 0);
  put(ogType.includes('product') ? 1 : 0);
  put(ogType === 'website' ? 1 : ogType === '' ? -1 : 0);
  put(meta.has('article:published_time') || meta.has('itemprop:datepublished') ? 1 : 0);
  put(meta.has('product:price:amount') || meta.has('og:price:amount') || meta.has('itemprop:price') ? 1 : 0);
  put(meta.has('author') || meta.has('article:author') ? 1 : 0);
  const has = (...names: readonly string[]): boolean => names.some((name) => meta.has(name));
  const marks = [
    meta.get('generator'),
    meta.get('application-name'),
    has('shopify-checkout-api-token', 'shopify-digital-wallet') && 'shopify',
    has('discourse_theme_id', 'discourse_theme_ids') && 'discourse',
  ];
  const generator = marks.filter(Boolean).join(' ').toLowerCase();
  for (const pattern of Object.values(GENERATORS)) put(pattern.test(generator) ? 1 : 0);

  const { nodes, lines } = page;
  const n = Math.max(1, lines.length);
  for (const tag of COUNTED_TAGS) put(Math.log1p(page.tagCounts[tagId(tag)]));
  put(Math.log1p(page.numImages));
  const phrases = new Float64Array(PHRASE_KINDS.length);
  let words = 0;
  let chars = 0;
  let linkChars = 0;
  let longLines = 0;
  let longWords = 0;
  let longest = 0;
  let sentences = 0;
  let questions = 0;
  let headings = 0;
  const wordsIn: Record<string, number> = { code: 0, p: 0, li: 0, td: 0 };
  const kinds = new Map<number, string>([
    [tagId('pre'), 'code'],
    [tagId('p'), 'p'],
    [tagId('li'), 'li'],
    [tagId('td'), 'td'],
  ]);
  const headingTags = new Set(['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map(tagId));
  const looks = new Map<number, { lines: number; words: number; chars: number; linkChars: number }>();
  for (const [i, line] of lines.entries()) {
    const s = stats[i];
    words += s.words;
    chars += line.text.length;
    linkChars += line.linkChars;
    sentences += s.sentenceEnds;
    longest = Math.max(longest, s.words);
    if (s.words >= 25) {
      longLines++;
      longWords += s.words;
    }
    if (s.lastChar === 63) questions++;
    for (let k = 0; k < phrases.length; k++) phrases[k] += (s.phrases >>> k) & 1;
    const tag = nodes.tag[line.node];
    if (headingTags.has(tag)) headings++;
    const kind = kinds.get(tag);
    if (kind !== undefined) wordsIn[kind] += s.words;
    const parent = nodes.parent[line.node];
    const look =
      Math.imul(Math.imul(nodes.look[line.node] ^ 17, 0x01000193) ^ nodes.look[parent], 0x01000193) ^
      nodes.look[nodes.parent[parent]];
    const sum = looks.get(look) ?? { lines: 0, words: 0, chars: 0, linkChars: 0 };
    sum.lines++;
    sum.words += s.words;
    sum.chars += line.text.length;
    sum.linkChars += line.linkChars;
    looks.set(look, sum);
  }
  for (const amount of phrases) put(Math.log1p(amount));
  const groups = new Float64Array(CLASS_GROUPS.length);
  for (let node = 0; node < nodes.count; node++) {
    for (let bits = nodes.groups[node]; bits !== 0; bits &= bits - 1) groups[31 - Math.clz32(bits & -bits)]++;
  }
  for (const amount of groups) put(Math.log1p(amount));
  const title = (page.title || (meta.get('og:title') ?? '')).toLowerCase().slice(0, 300);
  const asPath = `/${title.replace(/[^\p{L}\p{N}]+/gu, '-')}/`;
  for (const pattern of Object.values(URL_WORDS)) put(pattern.test(asPath) ? 1 : 0);
  put(title.split(' ').length);
  put(title.includes('?') ? 1 : 0);
  put((title.match(/\d/g) ?? []).length);
  put(Math.log1p(lines.length));
  put(Math.log1p(words));
  put(chars > 0 ? linkChars / chars : 0);
  put(Math.log1p(longLines));
  put(words > 0 ? longWords / words : 0);
  put(Math.log1p(longest));
  put(Math.log1p(sentences));
  put(sentences / n);
  put(words / n);
  put(phrases[PHRASE_KINDS.indexOf('price')] / n);
  put(phrases[PHRASE_KINDS.indexOf('date')] / n);
  put(Math.log1p(questions));
  put(headings / n);
  let most = { lines: 0, words: 0, chars: 0, linkChars: 0 };
  let mostWords = 0;
  for (const look of looks.values()) {
    if (look.lines > most.lines) most = look;
    mostWords = Math.max(mostWords, look.words);
  }
  put(most.lines / n);
  put(words > 0 ? mostWords / words : 0);
  put(most.chars > 0 ? most.linkChars / most.chars : 0);
  for (const amount of Object.values(wordsIn)) put(words > 0 ? amount / words : 0);
  const more = countLines(page, stats, headingTags);
  for (const value of more) put(value);
  return values;
}

const LINK = regionBit('link');
const ITEM = regionBit('item') | regionBit('article');
const MAIN = regionBit('main') | regionBit('article');
const CODE = regionBit('code');
const BUTTON = regionBit('button');
const CHOICE = regionBit('choice');
const OUTSIDE = regionBit('nav') | regionBit('footer') | regionBit('header') | regionBit('aside');
const BYLINE = PHRASE_KINDS.indexOf('byline');
const DATE = PHRASE_KINDS.indexOf('date');
const BYLINE_GROUP = CLASS_GROUPS.indexOf('byline');

/** What lines are, taken with the elements around them. */
function countLines(
  { nodes, lines, title }: ParsedPage,
  stats: readonly LineStats[],
  headingTags: ReadonlySet<number>,
): number[] {
  const regions = new Int32Array(nodes.count);
  const groups = new Int32Array(nodes.count);
  for (let node = 1; node < nodes.count; node++) {
    regions[node] = regions[nodes.parent[node]] | nodes.regions[node];
    groups[node] = groups[nodes.parent[node]] | nodes.groups[node];
  }
  let headings = 0;
  let linked = 0;
  let inItems = 0;
  let datesAlone = 0;
  let bylines = 0;
  let codeLines = 0;
  let mainWords = 0;
  let mainParagraphs = 0;
  let mainLinkChars = 0;
  let mainChars = 0;
  let paragraphs = 0;
  let paragraphWords = 0;
  let users = 0;
  let buttons = 0;
  let choices = 0;
  let firstInTitle = -1;
  const lowerTitle = title.toLowerCase();
  for (const [i, line] of lines.entries()) {
    const s = stats[i];
    const around = regions[line.node];
    if (headingTags.has(nodes.tag[line.node]) && !(around & OUTSIDE & ~regionBit('header'))) {
      headings++;
      if (line.linkChars * 2 > line.text.length || around & LINK) linked++;
      if (around & ITEM) inItems++;
      if (firstInTitle < 0 && s.words > 1)
        firstInTitle = lowerTitle.includes(line.text.toLowerCase()) ? 1 : 0;
    }
    if (s.words <= 6 && (s.phrases >>> DATE) & 1) datesAlone++;
    if ((s.phrases >>> BYLINE) & 1) bylines++;
    if (around & CODE) codeLines++;
    if (around & BUTTON) buttons++;
    if (around & CHOICE) choices++;
    if ((groups[line.node] >>> BYLINE_GROUP) & 1) users++;
    if (s.words >= 20 && s.sentenceEnds > 0 && line.linkChars * 3 < line.text.length) {
      paragraphs++;
      paragraphWords += s.words;
      if (around & MAIN) mainParagraphs++;
    }
    if (around & MAIN && !(around & OUTSIDE & ~regionBit('header'))) {
      mainWords += s.words;
      mainChars += line.text.length;
      mainLinkChars += line.linkChars;
    }
  }
  return [
    headings > 0 ? linked / headings : -1,
    headings > 0 ? inItems / headings : -1,
    Math.log1p(datesAlone),
    Math.log1p(bylines),
    Math.log1p(codeLines),
    Math.log1p(mainWords),
    Math.log1p(mainParagraphs),
    mainChars > 0 ? mainLinkChars / mainChars : -1,
    paragraphs > 0 ? paragraphWords / paragraphs : 0,
    Math.log1p(paragraphs),
    firstInTitle,
    Math.log1p(users),
    Math.log1p(buttons),
    Math.log1p(choices),
  ];
}

function splitUrl(url: string): { host: string; path: string; query: string } {
  try {
    const { hostname, pathname, search } = new URL(url);
    return {
      host: hostname.replace(/^www\./, ''),
      path: pathname.toLowerCase().slice(0, 500),
      query: search.slice(0, 200),
    };
  } catch {
    return { host: '', path: '', query: '' };
  }
}

function count(text: string, char: string): number {
  return text.split(char).length - 1;
}
