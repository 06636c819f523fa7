/** Reads `<script type="application/ld+json">`: which things the page says it is about, and texts that describe them. */
export interface StructuredData {
  /** Values of "@type", in lower case, each once. */
  readonly types: ReadonlySet<string>;
  readonly name: string;
  readonly headline: string;
  readonly texts: readonly StructuredText[];
}

export interface StructuredText {
  readonly kind: 'description' | 'articleBody' | 'reviewBody' | 'text';
  /** "@type" of the thing, in lower case. */
  readonly type: string;
  readonly text: string;
}

const MAX_CHARS = 1 << 20;
const MAX_THINGS = 3000;
const MAX_TEXTS = 200;
const MAX_DEPTH = 12;
const KINDS = ['description', 'articleBody', 'reviewBody', 'text'] as const;

/** Malformed ones are common and are passed over. */
export function readJsonLd(scripts: readonly string[]): StructuredData {
  const types = new Set<string>();
  const texts: StructuredText[] = [];
  let name = '';
  let headline = '';
  let numThings = 0;
  let numChars = 0;

  const visit = (value: unknown, depth: number): void => {
    if (depth > MAX_DEPTH || typeof value !== 'object' || value === null || ++numThings > MAX_THINGS) return;
    if (Array.isArray(value)) {
      for (const item of value) visit(item, depth + 1);
      return;
    }
    const fields = value as Readonly<Record<string, unknown>>;
    const type = typeName(fields['@type']);
    if (type !== '' && types.size < 100) types.add(type);
    if (name === '' && type === 'product' && typeof fields.name === 'string') name = fields.name;
    if (headline === '' && typeof fields.headline === 'string') headline = fields.headline;
    for (const kind of KINDS) {
      const text = fields[kind];
      if (typeof text === 'string' && text.length > 20 && texts.length < MAX_TEXTS)
        texts.push({ kind, type, text });
    }
    for (const child of Object.values(fields)) visit(child, depth + 1);
  };

  for (const script of scripts) {
    numChars += script.length;
    if (numChars > MAX_CHARS) break;
    visit(parse(script), 0);
  }
  return { types, name, headline, texts };
}

function typeName(value: unknown): string {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' ? first.slice(first.lastIndexOf('/') + 1).toLowerCase() : '';
}

function parse(text: string): unknown {
  const json = text.replace(/^\s*(?:\/\/)?\s*<!\[CDATA\[/, '').replace(/(?:\/\/)?\s*\]\]>\s*$/, '');
  try {
    return JSON.parse(json);
  } catch {
    try {
      // Line ends inside strings are the usual mistake.
      return JSON.parse(json.replace(/[\n\r\t]+/g, ' ').replace(/;\s*$/, ''));
    } catch {
      return undefined;
    }
  }
}
