/**
 * The markup of a page without scripts, styles, vector graphics and comments. These are two thirds of a usual page; finding
 * their ends costs far less than parsing them.
 */
export interface HtmlSpans {
  /** Passes on each piece of markup, and the text of each `<script type="application/ld+json">`. */
  readonly onMarkup: (html: string) => void;
  readonly onJsonLd: (text: string) => void;
}

// After the name comes the end of a word: "<scripted" is another tag.
const START = /<(?:(script|style|svg)(?=[\s/>])|!--|(!\[CDATA\[))/gi;
const END = { script: /<\/script/gi, style: /<\/style/gi, svg: /<\/svg\s{0,9}>/gi } as const;
const MAX_TAG_CHARS = 1000;

export function readSpans(html: string, { onMarkup, onJsonLd }: HtmlSpans): void {
  let at = 0;
  // Looking for an end that isn't there costs the rest of the page; once is enough.
  let hasSvgEnd = true;
  const start = new RegExp(START);
  for (;;) {
    start.lastIndex = at;
    const found = start.exec(html);
    if (!found) break;
    const name = found[1]?.toLowerCase() as keyof typeof END | undefined;
    if (found[2] !== undefined) {
      // In HTML only the opening is nonsense, while what follows is shown; parsers of XML would drop it all.
      if (found.index > at) onMarkup(html.slice(at, found.index));
      at = start.lastIndex;
      continue;
    }
    if (name === undefined) {
      const end = html.indexOf('-->', found.index + 2);
      if (found.index > at) onMarkup(html.slice(at, found.index));
      // As browsers do: a comment without an end takes the rest.
      if (end < 0) return;
      at = end + 3;
      continue;
    }
    if (name === 'svg' && !hasSvgEnd) {
      onMarkup(html.slice(at, start.lastIndex));
      at = start.lastIndex;
      continue;
    }
    const endPattern = END[name];
    endPattern.lastIndex = start.lastIndex;
    const end = endPattern.exec(html);
    if (!end && name === 'svg') {
      hasSvgEnd = false;
      continue;
    }
    if (found.index > at) onMarkup(html.slice(at, found.index));
    if (!end) return;
    if (name === 'script') {
      const close = html.indexOf('>', start.lastIndex);
      if (close >= 0 && close < end.index && close - start.lastIndex < MAX_TAG_CHARS) {
        const attributes = html.slice(start.lastIndex, close).toLowerCase();
        if (attributes.includes('ld+json')) onJsonLd(html.slice(close + 1, end.index));
      }
    }
    const close = name === 'svg' ? endPattern.lastIndex - 1 : html.indexOf('>', endPattern.lastIndex);
    if (close < 0) return;
    at = close + 1;
  }
  if (at < html.length) onMarkup(html.slice(at));
}
