/** What the words in `class` and `id` say about a part of a page: groups of keywords, as bits. */

const KEYWORDS: Readonly<Record<string, string>> = {
  nav: 'nav menu breadcrumb crumb toolbar tablist skip',
  toc: 'toc table-of-contents tableofcontents index',
  pager: 'pagination pager paging loadmore load-more next prev',
  header: 'header masthead topbar top-bar head',
  footer: 'footer copyright legal bottom foot colophon',
  sidebar: 'sidebar side aside rail widget drawer offcanvas',
  related:
    'related recommend similar suggest upsell cross-sell crosssell also more-from morefrom recirc you-may',
  popular: 'popular trending latest recent featured headlines teaser',
  social: 'share sharing social follow facebook twitter whatsapp pinterest addthis',
  advert: 'advert sponsor promo outbrain taboola adsense dfp banner',
  comment: 'comment disqus respond reply replies discuss',
  content:
    'content article post entry story prose markdown richtext rich-text rte wysiwyg body copy text-block textblock',
  main: 'main primary page-body',
  product: 'product pdp sku shop item-detail',
  description: 'description detail spec feature overview about info summary',
  review: 'review rating testimonial stars feedback',
  subscribe: 'newsletter subscribe signup sign-up optin opt-in mailchimp register',
  login: 'login signin sign-in account auth password',
  consent: 'cookie consent gdpr privacy onetrust',
  popup: 'modal popup overlay lightbox tooltip dropdown drop-down flyout mega dialog toast notification',
  form: 'form search filter facet sort input field',
  cart: 'cart checkout basket variant swatch quantity price add-to buy wishlist bag payment shipping',
  byline: 'author byline avatar bio user profile member',
  date: 'date time published posted',
  tags: 'tag categor topic label badge keyword',
  hidden: 'hidden sr-only sronly screen-reader visually-hidden visuallyhidden hide invisible a11y collapse',
  card: 'card grid tile item list slide carousel swiper slick col row',
  thread:
    'message thread topic-body postbody post-body post_body bbcode signature quote cooked question answer',
  faq: 'faq accordion tab panel collapsible toggle',
  hero: 'hero intro title headline lead subtitle jumbotron',
  media: 'caption figure gallery image photo video media thumb embed player',
  'program-code': 'code highlight syntax snippet prettyprint',
};

export const CLASS_GROUPS = Object.keys(KEYWORDS);

/** Words that only precede others ("blogpost", "sitenav"): they say nothing, but a keyword may follow. */
const GLUE = 'blog page site wp sub left right top my js block section container wrap inner outer the is has';

/** A trie of the keywords over a to z and "-": `next[27 * state + letter]`, 0 where no keyword continues. */
const LETTERS = 27;
const next: number[] = new Array(LETTERS).fill(0);
const stateBits: number[] = [0];
const isWordEnd: boolean[] = [false];
for (const [i, words] of [...Object.values(KEYWORDS), GLUE].entries()) {
  for (const word of words.split(' ')) addWord(word, i < CLASS_GROUPS.length ? 1 << i : 0);
}

function addWord(word: string, bits: number): void {
  let state = 0;
  for (const char of word) {
    const at = LETTERS * state + letterOf(char.charCodeAt(0));
    if (next[at] === 0) {
      next[at] = stateBits.length;
      stateBits.push(0);
      isWordEnd.push(false);
      for (let i = 0; i < LETTERS; i++) next.push(0);
    }
    state = next[at];
  }
  stateBits[state] |= bits;
  isWordEnd[state] = true;
}

/** 0 to 25 for letters, 26 for what joins words, -1 for all others. */
function letterOf(code: number): number {
  if (code >= 97 && code <= 122) return code - 97;
  if (code >= 65 && code <= 90) return code - 65;
  return code === 45 || code === 95 ? 26 : -1;
}

/** Utility classes ("text-center", "items-start") describe looks, not content. */
const UTILITY =
  /^(?:[a-z]{1,4}:)?-?(?:text|items?|content|justify|self|font|border|rounded|grid|col|row|flex|order|overflow|align|bg|float|clear|[pmwh][xytrblse]?)-/;

const MAX_CACHED = 20_000;
const MAX_TOKEN_CHARS = 60;
const MAX_TOKENS = 24;
const cache = new Map<string, number>();

/** Groups of all words of a `class` or `id` attribute. */
export function classGroups(attribute: string): number {
  let bits = 0;
  let start = 0;
  for (let n = 0; n < MAX_TOKENS && start < attribute.length; n++) {
    let end = attribute.indexOf(' ', start);
    if (end < 0) end = attribute.length;
    if (end - start > 1) bits |= tokenGroups(attribute.slice(start, Math.min(end, start + MAX_TOKEN_CHARS)));
    start = end + 1;
  }
  return bits;
}

function tokenGroups(token: string): number {
  const known = cache.get(token);
  if (known !== undefined) return known;
  let bits = 0;
  if (!UTILITY.test(token)) {
    // Words begin at the start, after a character other than a letter, at a capital, and where another word ends.
    let canStart = true;
    let previous = 0;
    const starts = new Uint8Array(token.length + 1);
    for (let i = 0; i < token.length; i++) {
      const code = token.charCodeAt(i);
      const isCapital = code >= 65 && code <= 90;
      if (isCapital && previous >= 97 && previous <= 122) canStart = true;
      previous = code;
      if (canStart || starts[i] === 1) {
        for (let state = 0, at = i; at < token.length; at++) {
          const letter = letterOf(token.charCodeAt(at));
          if (letter < 0) break;
          state = next[LETTERS * state + letter];
          if (state === 0) break;
          bits |= stateBits[state];
          if (isWordEnd[state]) starts[at + 1] = 1;
        }
      }
      canStart = letterOf(code) < 0 || code === 45 || code === 95;
    }
  }
  if (cache.size >= MAX_CACHED) cache.clear();
  cache.set(token, bits);
  return bits;
}
