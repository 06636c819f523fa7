/** Reads HTML as a stream of events into flat arrays: the elements of a page and its lines of text. */
import { Parser } from 'htmlparser2';
import type { PageBudget } from './budget.ts';
import { classGroups } from './class-groups.ts';
import { readSpans } from './html-spans.ts';
import { readJsonLd, type StructuredData } from './json-ld.ts';
import { regionBit, roleRegions, type Tag, tagOf } from './tags.ts';

/** Elements of a page in document order; index 0 is the document. */
export interface PageNodes {
  readonly count: number;
  readonly parent: Int32Array;
  readonly tag: Uint8Array;
  /** Kinds of region that the element itself makes (`REGIONS`). */
  readonly regions: Int32Array;
  /** Groups of keywords in its class and id (`CLASS_GROUPS`). */
  readonly groups: Int32Array;
  /** Hash of tag and classes without digits: the same for all items of a list. */
  readonly look: Int32Array;
  readonly depth: Int32Array;
  /** Lines inside the element: from, and up to without. */
  readonly firstLine: Int32Array;
  readonly endLine: Int32Array;
}

/** A line of text as a browser would show it; code blocks are one line with line ends. */
export interface PageLine {
  readonly text: string;
  /** The innermost element around all of it that starts a line. */
  readonly node: number;
  /** Characters inside links, and inside bold or emphasised text. */
  readonly linkChars: number;
  readonly boldChars: number;
  readonly numLinks: number;
  /** Whether a `<br>` and not an element began it. */
  readonly afterBreak: boolean;
  readonly origin: LineOrigin;
}

/** Where a line was: on the page, or only in data about it. */
export type LineOrigin = (typeof ORIGINS)[number];
export const ORIGINS = ['page', 'meta', 'description', 'articleBody', 'reviewBody', 'text'] as const;

export interface ParsedPage {
  readonly nodes: PageNodes;
  readonly lines: readonly PageLine[];
  /** Text of `<title>`. */
  readonly title: string;
  readonly language: string;
  /** `<meta>` by lower-case name or property; the first one counts. */
  readonly meta: ReadonlyMap<string, string>;
  readonly structured: StructuredData;
  /** Number of elements of each tag id. */
  readonly tagCounts: Int32Array;
  readonly numImages: number;
}

const HIDDEN = regionBit('hidden');
const TEXT_PROPERTY = regionBit('text-property');
const NAME_PROPERTY = regionBit('name-property');
const TEXT_PROPERTIES = /(?:articlebody|description|reviewbody|^text$|recipeinstructions|recipeingredient)/i;
const DISPLAY_NONE = /(?:display\s{0,4}:\s{0,4}none|visibility\s{0,4}:\s{0,4}hidden)/i;
const MAX_META = 200;
const MAX_TAG_IDS = 256;
const MAX_ATTRIBUTE_CHARS = 1000;

class Growing {
  array: Int32Array<ArrayBuffer> = new Int32Array(1024);
  set(i: number, value: number): void {
    if (i >= this.array.length) {
      const larger = new Int32Array(this.array.length * 2);
      larger.set(this.array);
      this.array = larger;
    }
    this.array[i] = value;
  }
}

export function parsePage(html: string, budget: PageBudget): ParsedPage {
  budget.checkSize(html.length);
  const reader = new PageReader(budget);
  const parser = new Parser(reader, {
    decodeEntities: true,
    lowerCaseTags: true,
    recognizeSelfClosing: false,
  });
  const jsonLd: string[] = [];
  readSpans(html, {
    onMarkup: (piece) => parser.write(piece),
    onJsonLd: (text) => jsonLd.push(text),
  });
  parser.end();
  const page = reader.finish(readJsonLd(jsonLd));
  return { ...page, lines: [...page.lines, ...unshownLines(page)] };
}

/** Receives the events of the parser. */
class PageReader {
  private readonly budget: PageBudget;
  private readonly parent = new Growing();
  private readonly tag = new Growing();
  private readonly regions = new Growing();
  private readonly groups = new Growing();
  private readonly look = new Growing();
  private readonly depths = new Growing();
  private readonly firstLine = new Growing();
  private readonly endLine = new Growing();
  private readonly lines: PageLine[] = [];
  private readonly tagCounts = new Int32Array(MAX_TAG_IDS);
  private readonly meta = new Map<string, string>();
  private count = 1;
  private numImages = 0;
  private title = '';
  private language = '';

  /** The open elements and their tags. */
  private readonly stack: number[] = [0];
  private readonly tags: Tag[] = [tagOf('html')];
  private depth = 0;
  /** Innermost open element that starts a line. */
  private blockDepth = 0;
  private skipDepth = 0;
  private linkDepth = 0;
  private boldDepth = 0;
  private preDepth = 0;
  private inTitle = false;

  private text = '';
  private linkChars = 0;
  private boldChars = 0;
  private numLinks = 0;
  private afterBreak = false;

  private metaName = '';
  private metaContent = '';

  constructor(budget: PageBudget) {
    this.budget = budget;
    for (const column of [this.parent, this.tag, this.regions, this.groups, this.look]) column.set(0, 0);
  }

  onopentagname(name: string): void {
    this.budget.step();
    const tag = tagOf(name);
    if (tag.isBlock) this.endOfLine(name === 'br');
    const node = this.count++;
    if ((node & 1023) === 0) this.budget.checkNodes(node);
    this.parent.set(node, this.stack[this.depth]);
    this.tag.set(node, tag.id);
    this.regions.set(node, tag.regions);
    this.groups.set(node, 0);
    this.look.set(node, tag.id);
    this.tagCounts[tag.id]++;
    this.depth++;
    this.depths.set(node, this.depth);
    this.budget.checkDepth(this.depth);
    this.stack[this.depth] = node;
    this.tags[this.depth] = tag;
    this.firstLine.set(node, this.lines.length);
    this.endLine.set(node, -1);
    if (tag.isBlock) this.blockDepth = this.depth;
    if (tag.isSkipped) this.skipDepth++;
    if (name === 'a') {
      this.linkDepth++;
      this.numLinks++;
    } else if (name === 'b' || name === 'strong' || name === 'em') this.boldDepth++;
    else if (name === 'pre') this.preDepth++;
    else if (name === 'title') this.inTitle = this.skipDepth === 0 && this.title === '';
    else if (name === 'img') this.numImages++;
    else if (name === 'meta') this.metaName = this.metaContent = '';
  }

  onattribute(name: string, value: string): void {
    this.budget.step();
    const node = this.count - 1;
    switch (name) {
      case 'class':
      case 'id': {
        const text = value.length > MAX_ATTRIBUTE_CHARS ? value.slice(0, MAX_ATTRIBUTE_CHARS) : value;
        this.groups.array[node] |= classGroups(text);
        if (name === 'class') this.look.array[node] = hashLook(this.look.array[node], text);
        break;
      }
      case 'role':
        this.regions.array[node] |= roleRegions(value);
        break;
      case 'hidden':
        this.regions.array[node] |= HIDDEN;
        break;
      case 'aria-hidden':
        if (value === 'true') this.regions.array[node] |= HIDDEN;
        break;
      case 'style':
        if (DISPLAY_NONE.test(value.slice(0, MAX_ATTRIBUTE_CHARS))) this.regions.array[node] |= HIDDEN;
        break;
      case 'itemprop':
        if (TEXT_PROPERTIES.test(value.slice(0, 100))) this.regions.array[node] |= TEXT_PROPERTY;
        else if (value === 'name' || value === 'headline') this.regions.array[node] |= NAME_PROPERTY;
        if (this.metaName === '') this.metaName = `itemprop:${value.toLowerCase()}`;
        break;
      case 'name':
      case 'property':
        this.metaName = value.toLowerCase();
        break;
      case 'content':
        this.metaContent = value;
        break;
      case 'lang':
        if (this.language === '' && this.depth === 1) this.language = value.slice(0, 20).toLowerCase();
        break;
    }
  }

  onclosetag(name: string): void {
    const tag = this.tags[this.depth];
    if (this.depth === 0) return;
    if (tag.isBlock) this.endOfLine(false);
    if (
      name === 'meta' &&
      this.metaName !== '' &&
      this.meta.size < MAX_META &&
      !this.meta.has(this.metaName)
    ) {
      this.meta.set(this.metaName, this.metaContent);
    }
    this.endLine.set(this.stack[this.depth], this.lines.length);
    if (tag.isSkipped) this.skipDepth--;
    if (name === 'a') this.linkDepth--;
    else if (name === 'b' || name === 'strong' || name === 'em') this.boldDepth--;
    else if (name === 'pre') this.preDepth--;
    else if (name === 'title') this.inTitle = false;
    this.depth--;
    if (tag.isBlock) {
      while (this.blockDepth > 0 && (this.blockDepth > this.depth || !this.tags[this.blockDepth].isBlock)) {
        this.blockDepth--;
      }
    }
  }

  ontext(text: string): void {
    if (this.inTitle) {
      if (this.title.length < MAX_ATTRIBUTE_CHARS) this.title += text;
      return;
    }
    if (this.skipDepth > 0) return;
    this.text += text;
    if (this.linkDepth > 0) this.linkChars += text.length;
    if (this.boldDepth > 0) this.boldChars += text.length;
  }

  private endOfLine(isBreak: boolean): void {
    if (this.preDepth > 0 && isBreak) {
      this.text += '\n';
      return;
    }
    if (this.text !== '') this.addLine();
    this.text = '';
    this.linkChars = this.boldChars = this.numLinks = 0;
    this.afterBreak = isBreak;
  }

  private addLine(): void {
    const text = this.preDepth > 0 ? trimCode(this.text) : collapse(this.text);
    if (text === '') return;
    this.lines.push({
      text,
      node: this.stack[this.blockDepth],
      linkChars: Math.min(this.linkChars, text.length),
      boldChars: Math.min(this.boldChars, text.length),
      numLinks: this.numLinks,
      afterBreak: this.afterBreak,
      origin: 'page',
    });
  }

  finish(structured: StructuredData): ParsedPage {
    this.endOfLine(false);
    this.firstLine.set(0, 0);
    this.endLine.set(0, this.lines.length);
    this.depths.set(0, 0);
    const { count } = this;
    const endLine = this.endLine.array.subarray(0, count);
    for (let i = 0; i < count; i++) if (endLine[i] < 0) endLine[i] = this.lines.length;
    return {
      nodes: {
        count,
        parent: this.parent.array.subarray(0, count),
        tag: Uint8Array.from(this.tag.array.subarray(0, count)),
        regions: this.regions.array.subarray(0, count),
        groups: this.groups.array.subarray(0, count),
        look: this.look.array.subarray(0, count),
        depth: this.depths.array.subarray(0, count),
        firstLine: this.firstLine.array.subarray(0, count),
        endLine,
      },
      lines: this.lines,
      title: collapse(this.title),
      language: this.language,
      meta: this.meta,
      structured,
      tagCounts: this.tagCounts,
      numImages: this.numImages,
    };
  }
}

/** FNV-1a over all but digits, which number the items of a list. */
function hashLook(start: number, text: string): number {
  let hash = start ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 48 && code <= 57) continue;
    hash = Math.imul(hash ^ code, 0x01000193);
  }
  return hash;
}

// Zero-width characters and soft hyphens would cut words.
const INVISIBLE = /[\u200B\u00AD\u2060\uFEFF]/g;
const NEEDS_COLLAPSE = /[\t-\r\u00A0\u00AD\u2000-\u200B\u2028\u2029\u2060\u3000\uFEFF]| {2}/;

function collapse(text: string): string {
  const trimmed = text.trim();
  if (!NEEDS_COLLAPSE.test(trimmed)) return trimmed;
  return trimmed.replace(INVISIBLE, '').replace(/\s+/g, ' ').trim();
}

/** Code keeps its line ends and indents. */
function trimCode(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(/^\n+/, '').trimEnd();
}

const MAX_UNSHOWN = 40;
const UNSHOWN_TYPES =
  /product|article|posting|question|answer|comment|review|recipe|jobposting|event|course|book|movie|place|business/;

/** Texts in data about the page that the page itself doesn't show: of products, and of pages that a script fills in. */
function unshownLines(page: ParsedPage): PageLine[] {
  const found: PageLine[] = [];
  const shown = letters(page.lines.map((line) => line.text).join(' '));
  let own = '';
  const add = (raw: string, origin: LineOrigin): void => {
    for (const piece of plainText(raw).split('\n')) {
      const text = collapse(piece);
      const key = letters(text).slice(0, 80);
      if (key.length < 12 || found.length >= MAX_UNSHOWN || shown.includes(key) || own.includes(key))
        continue;
      own += ` ${letters(text)}`;
      found.push({ text, node: 0, linkChars: 0, boldChars: 0, numLinks: 0, afterBreak: false, origin });
    }
  };
  for (const { kind, type, text } of page.structured.texts) if (UNSHOWN_TYPES.test(type)) add(text, kind);
  const { meta } = page;
  const [description = '', social = ''] = [meta.get('description'), meta.get('og:description')];
  add(social.length > description.length ? social : description, 'meta');
  return found;
}

const WORD = /[\p{L}\p{N}]+/gu;

/** Only the letters and digits of a text, in lower case. */
export function letters(text: string): string {
  return text.toLowerCase().match(WORD)?.join('') ?? '';
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  nbsp: ' ',
  rsquo: '’',
  ndash: '–',
};

/** Text in data may hold markup of its own. */
function plainText(text: string): string {
  return text
    .replace(/&(amp|lt|gt|quot|#39|nbsp|rsquo|ndash);/g, (_, name: string) => ENTITIES[name])
    .replace(/<(?:br|p|li|div|h\d|tr|\/p|\/li|\/div)\b[^>]{0,300}>/gi, '\n')
    .replace(/<[^<>]{0,1000}>/g, '')
    .replace(/&(amp|lt|gt|quot|#39|nbsp|rsquo|ndash);/g, (_, name: string) => ENTITIES[name]);
}
