/** JSON Schema -> grammar. What is not supported is refused, never ignored: docs/structured-output.md has the table. */
import { DotsError } from '../../core/errors.ts';
import { jsonCharacters } from './code-points.ts';
import { FORMATS } from './formats.ts';
import {
  choice,
  EMPTY,
  type Grammar,
  type GraphEdge,
  literal,
  NOTHING_AT_ALL,
  Rule,
  repeat,
  sequence,
} from './grammar.ts';
import { COLON, COMMA, jsonLiteral, jsonString, quoted, SPACE } from './json-grammar.ts';
import { canonicalJson, isValid } from './json-values.ts';
import { LIMITS, tooLarge } from './limits.ts';
import { ANY_INTEGER, ANY_NUMBER, type Bound, boundedNumber } from './number-grammar.ts';
import { parsePattern } from './pattern-syntax.ts';
import { type Alternative, alternativesOf, type BaseType, typesOf } from './schema-alternatives.ts';
import { type Schema, SchemaDocument, type SchemaObject, unsupported } from './schema-document.ts';
import {
  accepts,
  both,
  complementOf,
  lengthAutomaton,
  literalsAutomaton,
  type TextAutomaton,
  textAutomaton,
  textGrammar,
} from './text-automaton.ts';

/**
 * Documents that are valid for a schema, without white space around them. Properties come in the order of the schema.
 * The second schema, if given, must hold too.
 * Throws `UsageError`: `unsupported-schema` with keyword and JSON pointer, `constraint-too-large`.
 */
export function schemaGrammar(schema: unknown, beside: Schema = true): Grammar {
  return new SchemaCompiler(new SchemaDocument(schema)).compile(beside);
}

class SchemaCompiler {
  private readonly document: SchemaDocument;
  private readonly ids = new Map<SchemaObject, number>();
  /** Rules by the schemas that hold together at a value. */
  private readonly rules = new Map<string, Rule>();
  private readonly pending: (() => void)[] = [];
  private readonly automata = new Map<string, TextAutomaton>();

  constructor(document: SchemaDocument) {
    this.document = document;
  }

  compile(beside: Schema): Grammar {
    const root = this.value([this.document.root, beside]);
    for (let next = this.pending.pop(); next; next = this.pending.pop()) next();
    return root;
  }

  /** A value for which all the schemas hold. */
  private value(schemas: readonly Schema[]): Grammar {
    if (schemas.includes(false)) return NOTHING_AT_ALL;
    const objects = [...new Set(schemas.filter((schema) => schema !== true))] as SchemaObject[];
    const key = objects
      .map((schema) => this.idOf(schema))
      .sort((a, b) => a - b)
      .join();
    let rule = this.rules.get(key);
    if (!rule) {
      if (this.rules.size >= LIMITS.schemaValues) throw tooLarge('values of a schema', LIMITS.schemaValues);
      const made = new Rule();
      this.rules.set(key, made);
      this.pending.push(() => {
        made.body = choice(
          ...alternativesOf(this.document, objects).map((alternative) => this.alternative(alternative)),
        );
      });
      rule = made;
    }
    return { kind: 'rule', rule };
  }

  private idOf(schema: SchemaObject): number {
    const id = this.ids.get(schema) ?? this.ids.size;
    this.ids.set(schema, id);
    return id;
  }

  private alternative(alternative: Alternative): Grammar {
    const listed = alternative.some((schema) => schema.enum !== undefined || schema.const !== undefined);
    if (listed) return this.listedValues(alternative);
    const { types, isInteger } = typesOf(alternative);
    const byType: Readonly<Record<BaseType, () => Grammar>> = {
      object: () => this.object(alternative),
      array: () => this.array(alternative),
      string: () => this.string(alternative),
      number: () => number(alternative, isInteger),
      boolean: () => choice(literal('true'), literal('false')),
      null: () => literal('null'),
    };
    return choice(...[...types].map((type) => byType[type]()));
  }

  /** Values of `enum` and `const` that are valid for the other keywords. */
  private listedValues(alternative: Alternative): Grammar {
    const [first] = alternative.filter((schema) => schema.enum !== undefined || schema.const !== undefined);
    const candidates = first.const !== undefined ? [first.const] : (first.enum as unknown[]);
    const valid = new Map<string, unknown>();
    for (const value of candidates) {
      const isGood = alternative.every((schema) =>
        isValid(this.document, schema, value, (part, text) => this.fitsText(part, text)),
      );
      if (isGood) valid.set(canonicalJson(value), value);
    }
    return choice(...[...valid.values()].map(jsonLiteral));
  }

  private object(alternative: Alternative): Grammar {
    const keys = new Set(
      alternative.flatMap((schema) => Object.keys((schema.properties ?? {}) as Record<string, Schema>)),
    );
    const required = new Set(alternative.flatMap((schema) => (schema.required ?? []) as string[]));
    const isDescribed = alternative.some((schema) => schema.properties !== undefined);
    for (const key of required) keys.add(key);
    const others = alternative.flatMap((schema) =>
      schema.additionalProperties === undefined ? [] : [schema.additionalProperties as Schema],
    );
    // An object whose properties are listed has no others, unless the schema says so: models would invent them.
    const isClosed = isDescribed && others.length === 0;
    const members = [...keys].map((key) => ({
      item: sequence(jsonLiteral(key), COLON, this.value(schemasOfKey(alternative, key))),
      isRequired: required.has(key),
    }));
    const other = isClosed ? NOTHING_AT_ALL : sequence(this.otherKey([...keys]), COLON, this.value(others));
    const some = sequence(literal('{'), SPACE, memberList(members, other), SPACE, literal('}'));
    return required.size > 0 ? some : choice(literal('{}'), some);
  }

  /** A key that is none of these. Spelled in one way only, so that it can't be one of them in disguise. */
  private otherKey(keys: readonly string[]): Grammar {
    if (keys.length === 0) return jsonString();
    return quoted(textGrammar(complementOf(literalsAutomaton(keys)), jsonCharacters));
  }

  private array(alternative: Alternative): Grammar {
    const min = Math.max(0, ...alternative.map(({ minItems = 0 }) => minItems as number));
    let max = Math.min(...alternative.map(({ maxItems = Number.POSITIVE_INFINITY }) => maxItems as number));
    const numFirst = Math.max(
      0,
      ...alternative.map(({ prefixItems = [] }) => (prefixItems as Schema[]).length),
    );
    const rest = alternative.flatMap(({ items }) => (items === undefined ? [] : [items as Schema]));
    // As with properties: what is listed is all there is, unless the schema says more.
    if (numFirst > 0 && rest.length === 0) max = Math.min(max, Math.max(numFirst, min));
    if (min > max) return NOTHING_AT_ALL;
    const first = Array.from({ length: Math.min(numFirst, max) }, (_, i) => {
      const schemas = alternative.flatMap(({ prefixItems = [], items }) => {
        const schema = (prefixItems as Schema[])[i] ?? (items as Schema | undefined);
        return schema === undefined ? [] : [schema];
      });
      return this.value(schemas);
    });
    const empty = min === 0 ? literal('[]') : NOTHING_AT_ALL;
    if (max === 0) return empty;
    const some = sequence(
      literal('['),
      SPACE,
      itemList(first, this.value(rest), min, max),
      SPACE,
      literal(']'),
    );
    return choice(empty, some);
  }

  private string(alternative: Alternative): Grammar {
    const min = Math.max(0, ...alternative.map(({ minLength = 0 }) => minLength as number));
    const max = Math.min(
      ...alternative.map(({ maxLength = Number.POSITIVE_INFINITY }) => maxLength as number),
    );
    if (min > max) return NOTHING_AT_ALL;
    const automata = alternative.flatMap((schema) => this.automataOf(schema));
    if (automata.length === 0) return jsonString(min, max);
    if (min > 0 || max < Number.POSITIVE_INFINITY) automata.push(lengthAutomaton(min, max));
    return quoted(textGrammar(automata.reduce(both), jsonCharacters));
  }

  /** What `pattern` and `format` of one schema ask for. */
  private automataOf(schema: SchemaObject): TextAutomaton[] {
    const found: TextAutomaton[] = [];
    if (typeof schema.format === 'string' && Object.hasOwn(FORMATS, schema.format)) {
      found.push(this.automaton(FORMATS[schema.format], false));
    }
    if (typeof schema.pattern === 'string') {
      try {
        found.push(this.automaton(schema.pattern, true));
      } catch (error) {
        if (!(error instanceof DotsError)) throw error;
        throw unsupported('pattern', this.document.pointerOf(schema), error.message);
      }
    }
    return found;
  }

  private automaton(pattern: string, search: boolean): TextAutomaton {
    const key = `${search}${pattern}`;
    let made = this.automata.get(key);
    if (!made) {
      made = textAutomaton(parsePattern(pattern), search);
      this.automata.set(key, made);
    }
    return made;
  }

  private fitsText(schema: SchemaObject, text: string): boolean {
    return this.automataOf(schema).every((automaton) => accepts(automaton, text));
  }
}

function schemasOfKey(alternative: Alternative, key: string): Schema[] {
  return alternative.flatMap((schema) => {
    const properties = (schema.properties ?? {}) as Record<string, Schema>;
    if (Object.hasOwn(properties, key)) return [properties[key]];
    return schema.additionalProperties === undefined ? [] : [schema.additionalProperties as Schema];
  });
}

interface Member {
  readonly item: Grammar;
  readonly isRequired: boolean;
}

/** At least one member: the listed ones in their order, those that are not required perhaps not, then any number of others. */
function memberList(members: readonly Member[], other: Grammar): Grammar {
  const edges: GraphEdge[] = [];
  const { length } = members;
  // At member i: nothing was written yet, something was, or the comma before it was.
  const none = (i: number) => 3 * i;
  const some = (i: number) => 3 * i + 1;
  const next = (i: number) => 3 * i + 2;
  for (let i = 0; i <= length; i++) {
    edges.push({ from: none(i), to: next(i), item: EMPTY }, { from: some(i), to: next(i), item: COMMA });
    if (i === length) break;
    edges.push({ from: next(i), to: some(i + 1), item: members[i].item });
    if (members[i].isRequired) continue;
    edges.push(
      { from: none(i), to: none(i + 1), item: EMPTY },
      { from: some(i), to: some(i + 1), item: EMPTY },
    );
  }
  edges.push({ from: next(length), to: some(length), item: other });
  return { kind: 'graph', numStates: 3 * (length + 1), edges, start: none(0), ends: new Set([some(length)]) };
}

/** At least one item: those that come first, then others like `rest`. */
function itemList(first: readonly Grammar[], rest: Grammar, min: number, max: number): Grammar {
  const another = sequence(COMMA, rest);
  if (first.length === 0) return sequence(rest, repeat(another, Math.max(min, 1) - 1, max - 1));
  const edges: GraphEdge[] = first.map((item, i) => ({
    from: i,
    to: i + 1,
    item: i === 0 ? item : sequence(COMMA, item),
  }));
  const { length } = first;
  const ends = new Set(Array.from({ length }, (_, i) => i + 1).filter((count) => count >= min));
  if (max > length) {
    edges.push({
      from: length,
      to: length + 1,
      item: repeat(another, Math.max(1, min - length), max - length),
    });
    ends.add(length + 1);
  }
  return { kind: 'graph', numStates: length + 2, edges, start: 0, ends };
}

function number(alternative: Alternative, isInteger: boolean): Grammar {
  const low = tightest(alternative, 'minimum', 'exclusiveMinimum', (a, b) => a > b);
  const high = tightest(alternative, 'maximum', 'exclusiveMaximum', (a, b) => a < b);
  if (!low && !high) return isInteger ? ANY_INTEGER : ANY_NUMBER;
  if (!isInteger) return boundedNumber(low, high, false);
  const whole = (bound: Bound | undefined, round: (value: number) => number, step: number) => {
    if (!bound) return undefined;
    const value = round(bound.value);
    return { value: bound.isExclusive && value === bound.value ? value + step : value, isExclusive: false };
  };
  return boundedNumber(whole(low, Math.ceil, 1), whole(high, Math.floor, -1), true);
}

function tightest(
  alternative: Alternative,
  inclusive: string,
  exclusive: string,
  isTighter: (a: number, b: number) => boolean,
): Bound | undefined {
  let found: Bound | undefined;
  for (const schema of alternative) {
    for (const [keyword, isExclusive] of [
      [inclusive, false],
      [exclusive, true],
    ] as const) {
      const value = schema[keyword] as number | undefined;
      if (value === undefined) continue;
      // Of equal bounds, the exclusive one says more.
      if (!found || isTighter(value, found.value) || (value === found.value && isExclusive)) {
        found = { value, isExclusive };
      }
    }
  }
  return found;
}
