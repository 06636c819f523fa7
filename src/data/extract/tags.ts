/** What an HTML tag means for extraction: whether it breaks a line, whether it is read, which kinds of region it makes. */

/** Kinds of region, as bits; a line knows how far above it the nearest region of each kind is. */
export const REGIONS = [
  'nav',
  'header',
  'footer',
  'aside',
  'main',
  'article',
  'section',
  'form',
  'list',
  'item',
  'table',
  'cell',
  'paragraph',
  'heading',
  'top-heading',
  'button',
  'link',
  'figure',
  'quote',
  'code',
  'definition',
  'details',
  'unrendered',
  'choice',
  'hidden',
  'dialog',
  'text-property',
  'name-property',
] as const;
export type Region = (typeof REGIONS)[number];

const REGION_BIT: ReadonlyMap<string, number> = new Map(REGIONS.map((name, i) => [name, 1 << i]));

export function regionBit(region: Region): number {
  return REGION_BIT.get(region) as number;
}

export interface Tag {
  readonly name: string;
  readonly id: number;
  /** Starts and ends a line. */
  readonly isBlock: boolean;
  /** Its text is never shown: scripts, styles, vector graphics. */
  readonly isSkipped: boolean;
  readonly regions: number;
}

const CODE_TAGS = ['pre', 'code', 'samp', 'kbd'];
const REGIONS_OF: Readonly<Record<string, readonly Region[]>> = {
  ...Object.fromEntries(CODE_TAGS.map((name): [string, Region[]] => [name, ['code']])),
  nav: ['nav'],
  header: ['header'],
  footer: ['footer'],
  aside: ['aside'],
  main: ['main'],
  article: ['article'],
  section: ['section'],
  form: ['form'],
  fieldset: ['form'],
  ul: ['list'],
  ol: ['list'],
  menu: ['list'],
  li: ['item'],
  table: ['table'],
  td: ['cell'],
  th: ['cell'],
  p: ['paragraph'],
  h1: ['heading', 'top-heading'],
  h2: ['heading'],
  h3: ['heading'],
  h4: ['heading'],
  h5: ['heading'],
  h6: ['heading'],
  button: ['button'],
  a: ['link'],
  figure: ['figure'],
  figcaption: ['figure'],
  caption: ['figure'],
  picture: ['figure'],
  blockquote: ['quote'],
  q: ['quote'],
  cite: ['quote'],
  dl: ['definition'],
  dt: ['definition'],
  dd: ['definition'],
  details: ['details'],
  summary: ['details'],
  noscript: ['unrendered'],
  template: ['unrendered'],
  select: ['choice'],
  option: ['choice'],
  label: ['choice'],
  optgroup: ['choice'],
  dialog: ['dialog'],
};

const BLOCK_TAGS =
  'html body head address article aside blockquote br button caption center dd details dialog dir div dl dt fieldset figcaption figure ' +
  'footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr iframe label legend li main menu nav noscript ol optgroup option p pre ' +
  'search section select summary table tbody td template tfoot th thead title tr ul video audio canvas object';
const INLINE_TAGS =
  'a abbr b cite code em font i img ins kbd mark picture q s samp small span strong sub sup time u input meta link';
const SKIPPED_TAGS = 'script style svg math textarea iframe canvas object audio video map datalist';

const skipped = new Set(SKIPPED_TAGS.split(' '));
const blocks = new Set(BLOCK_TAGS.split(' '));
const TAGS = new Map<string, Tag>();
for (const name of new Set([...blocks, ...INLINE_TAGS.split(' '), ...skipped])) {
  const regions = (REGIONS_OF[name] ?? []).reduce((bits, region) => bits | regionBit(region), 0);
  TAGS.set(name, {
    name,
    id: TAGS.size + 1,
    isBlock: blocks.has(name),
    isSkipped: skipped.has(name),
    regions,
  });
}
// Unknown tags are inline in browsers, but those with a dash are components, and most of these are boxes.
const OTHER: Tag = { name: 'other', id: 0, isBlock: false, isSkipped: false, regions: 0 };
const COMPONENT: Tag = { name: 'component', id: TAGS.size + 1, isBlock: true, isSkipped: false, regions: 0 };

export function tagOf(name: string): Tag {
  return TAGS.get(name) ?? (name.includes('-') ? COMPONENT : OTHER);
}

export function tagId(name: string): number {
  return tagOf(name).id;
}

const ROLES: Readonly<Record<string, Region>> = {
  navigation: 'nav',
  menu: 'nav',
  menubar: 'nav',
  banner: 'header',
  contentinfo: 'footer',
  complementary: 'aside',
  main: 'main',
  article: 'article',
  form: 'form',
  search: 'form',
  list: 'list',
  listitem: 'item',
  heading: 'heading',
  button: 'button',
  tab: 'button',
  dialog: 'dialog',
  alertdialog: 'dialog',
  alert: 'dialog',
  table: 'table',
  cell: 'cell',
  listbox: 'choice',
  option: 'choice',
};

/** Regions that `role="…"` makes. */
export function roleRegions(role: string): number {
  const region = ROLES[role];
  return region === undefined ? 0 : regionBit(region);
}
