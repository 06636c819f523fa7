/** A JSON Schema before it is compiled: checked for size and keywords, with each part's place known. */
import { UsageError } from '../../core/errors.ts';
import { FORMATS } from './formats.ts';
import { LIMITS } from './limits.ts';
import { KEYWORDS } from './schema-keywords.ts';
import { isObject, type Schema, type SchemaObject } from './schema-types.ts';

/** Where a schema is: its place in the document, and the schema that its references begin from. */
interface Location {
  readonly pointer: string;
  readonly resource: Resource;
}

/** A schema with an address of its own, and what can be found in it by name. */
interface Resource {
  readonly root: Schema;
  readonly address: string;
  readonly anchors: Map<string, SchemaObject>;
}

/** Of a document that does not say where it is from. */
const NO_ADDRESS = 'schema:/';

export class SchemaDocument {
  readonly root: Schema;
  private readonly notes = new Set<string>();
  private readonly locations = new Map<SchemaObject, Location>();
  private readonly resources = new Map<string, Resource>();

  /** Throws `UsageError`, code `unsupported-schema`, naming keyword and JSON pointer. */
  constructor(root: unknown) {
    if (typeof root !== 'boolean' && !isObject(root))
      throw unsupported('the schema', '', 'it must be an object');
    if (new TextEncoder().encode(JSON.stringify(root)).length > LIMITS.schemaBytes) {
      throw unsupported('the schema', '', `it is larger than ${LIMITS.schemaBytes / 1024} KiB`);
    }
    this.root = root;
    this.check(root, '', this.addResource(root, NO_ADDRESS), 0);
  }

  /** Location of a schema, as a JSON pointer. */
  pointerOf(schema: SchemaObject): string {
    return this.locations.get(schema)?.pointer ?? '';
  }

  /** A schema that was made from another one is at its place, and so is what was made in it. */
  derive(from: SchemaObject, schema: Schema): void {
    const location = this.locations.get(from);
    if (typeof schema === 'boolean' || !location || this.locations.has(schema)) return;
    this.locations.set(schema, location);
    for (const [keyword, value] of Object.entries(schema))
      for (const [, part] of partsOf(keyword, value)) this.derive(from, part);
  }

  /** Notes that part of a schema is not enforced, once. */
  ignore(schema: SchemaObject, what: string): void {
    this.notes.add(`#${this.pointerOf(schema)}: ${what}`);
  }

  /** What does not restrict answers although it may have been meant to: unknown keywords and formats, and what is not enforced. */
  get ignored(): readonly string[] {
    return [...this.notes];
  }

  resolve(schema: SchemaObject, reference: string): Schema {
    const from = this.locations.get(schema)?.resource as Resource;
    const [address, fragment = ''] = reference.split('#', 2);
    const resource = address === '' ? from : this.resources.get(addressOf(address, from.address));
    const target = resource && this.find(resource, fragment);
    if (target !== undefined) return target;
    throw unsupported('$ref', this.pointerOf(schema), `there is no schema at ${JSON.stringify(reference)}`);
  }

  private find(resource: Resource, fragment: string): Schema | undefined {
    if (fragment !== '' && !fragment.startsWith('/')) return resource.anchors.get(decodePercent(fragment));
    let target: unknown = resource.root;
    for (const part of fragment.split('/').slice(1)) {
      const key = decode(part);
      const isThere = typeof target === 'object' && target !== null && Object.hasOwn(target, key);
      target = isThere ? (target as Record<string, unknown>)[key] : undefined;
    }
    if (typeof target === 'boolean') return target;
    if (!isObject(target)) return undefined;
    // In a part that is not a keyword, such as OpenAPI's components, what is referred to is a schema all the same.
    if (!this.locations.has(target)) this.check(target, fragment, resource, 0);
    return target;
  }

  private addResource(root: Schema, base: string): Resource {
    const id = isObject(root) ? (root.$id ?? root.id) : undefined;
    const address = typeof id === 'string' && !id.startsWith('#') ? addressOf(id, base) : base;
    const resource = { root, address, anchors: new Map<string, SchemaObject>() };
    this.resources.set(address, resource);
    return resource;
  }

  private check(schema: Schema, pointer: string, around: Resource, depth: number): void {
    if (typeof schema === 'boolean') return;
    if (depth > LIMITS.schemaDepth) {
      throw unsupported('the schema', pointer, `it is nested more than ${LIMITS.schemaDepth} deep`);
    }
    const { $id: id } = schema;
    const isResource = depth > 0 && typeof id === 'string' && !id.startsWith('#');
    if (isResource && schema.$ref !== undefined)
      throw unsupported(
        '$id',
        pointer,
        'not next to "$ref", where drafts of JSON Schema give it different meanings',
      );
    const resource = isResource ? this.addResource(schema, around.address) : around;
    this.locations.set(schema, { pointer, resource });
    // Draft 7 has anchors among the ids.
    for (const name of [
      schema.$anchor,
      schema.$dynamicAnchor,
      typeof id === 'string' && id.startsWith('#') && id.slice(1),
    ])
      if (typeof name === 'string') resource.anchors.set(name, schema);
    for (const [keyword, value] of Object.entries(schema)) this.checkKeyword(schema, keyword, value, pointer);
    for (const [keyword, value] of Object.entries(schema)) {
      for (const [place, part] of partsOf(keyword, value))
        this.check(part, `${pointer}/${keyword}${place}`, resource, depth + 1);
    }
  }

  private checkKeyword(schema: SchemaObject, keyword: string, value: unknown, pointer: string): void {
    if (keyword === 'format') this.checkFormat(schema, value);
    const known = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined;
    if (!known) {
      // Names that begin so are a library's own by agreement; any other may be a slip of the pen.
      if (!keyword.startsWith('x-')) this.ignore(schema, `unknown keyword "${keyword}"`);
      return;
    }
    if (keyword === 'oneOf' && Array.isArray(value) && value.length > 1)
      this.ignore(schema, 'oneOf is read as anyOf');
    if (known.use === 'annotation' || known.check?.(value, schema)) return;
    if (known.use === 'refused') throw unsupported(keyword, pointer);
    const shown = value === undefined ? 'undefined' : shorten(JSON.stringify(value));
    throw unsupported(keyword, pointer, `not with the value ${shown}`);
  }

  private checkFormat(schema: SchemaObject, value: unknown): void {
    if (typeof value !== 'string') throw unsupported('format', this.pointerOf(schema), 'it must be a string');
    if (!Object.hasOwn(FORMATS, value)) this.ignore(schema, `format ${JSON.stringify(value)}`);
  }
}

/** The schemas in the value of a keyword, with their places in it. */
function partsOf(keyword: string, value: unknown): [place: string, part: Schema][] {
  const holds = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword].holds : undefined;
  if (holds === 'map' || keyword === 'dependencies')
    return Object.entries(value as Record<string, Schema>)
      .filter(([, part]) => !Array.isArray(part))
      .map(([key, part]) => [`/${encode(key)}`, part]);
  if (holds === 'list' || (keyword === 'items' && Array.isArray(value)))
    return (value as Schema[]).map((part, i) => [`/${i}`, part]);
  return holds === 'schema' || keyword === 'items' ? [['', value as Schema]] : [];
}

export function unsupported(what: string, pointer: string, why?: string): UsageError {
  const subject = what === 'the schema' ? what : `"${what}"`;
  return new UsageError(
    `Cannot use ${subject} at #${pointer}${why ? `: ${why}` : ': the keyword is not supported'}`,
    {
      code: 'unsupported-schema',
      hint: 'remove it from the schema and check the answer yourself, or use the keywords of docs/structured-output.md',
    },
  );
}

function addressOf(id: string, base: string): string {
  try {
    return new URL(id, base).href.replace(/#$/, '');
  } catch {
    return id;
  }
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function encode(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

function decode(part: string): string {
  return decodePercent(part).replaceAll('~1', '/').replaceAll('~0', '~');
}

function decodePercent(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // A percent sign that encodes nothing stands for itself.
    return part;
  }
}
