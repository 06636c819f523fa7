/** JSON Schema -> grammar. What restricts and cannot be enforced is refused: `schema-keywords.ts` has the table. */
import { DotsError } from '../../core/errors.ts';
import { jsonCharacters } from './code-points.ts';
import { choice, type Grammar, literal, NOTHING_AT_ALL, oneOfTexts, Rule, sequence } from './grammar.ts';
import { COLON, COMMA, jsonLiteral, jsonString, quoted, SPACE } from './json-grammar.ts';
import { canonicalJson, isValid, schemasOfKey, type TextTests } from './json-values.ts';
import { LIMITS, tooLarge } from './limits.ts';
import { countedItems, itemList, type Member, memberList } from './list-grammar.ts';
import { commonStep } from './number-steps.ts';
import { type Alternative, alternativesOf, type BaseType, typesOf } from './schema-alternatives.ts';
import { SchemaDocument, unsupported } from './schema-document.ts';
import { negationOf } from './schema-negation.ts';
import { schemaNumber } from './schema-numbers.ts';
import { itemSchemas, type Schema, type SchemaObject } from './schema-types.ts';
import { ANY_LENGTH, StringTexts, type TextSet } from './string-texts.ts';
import {
  accepts,
  both,
  complementOf,
  literalsAutomaton,
  type TextAutomaton,
  textGrammar,
} from './text-automaton.ts';
import { increasing, selections } from './unique-items.ts';

export interface SchemaGrammar {
  readonly grammar: Grammar;
  /** What does not restrict answers although it may have been meant to, each with its JSON pointer. */
  readonly ignored: readonly string[];
}

/**
 * Documents that are valid for a schema, without white space around them. Properties come in the order of the schema.
 * The second schema, if given, must hold too.
 * Throws `UsageError`: `unsupported-schema` with keyword and JSON pointer, `constraint-too-large`.
 */
export function schemaGrammar(schema: unknown, beside: Schema = true): SchemaGrammar {
  const document = new SchemaDocument(schema);
  const grammar = new SchemaCompiler(document).compile(beside);
  return { grammar, ignored: document.ignored };
}

/** Keys are distinguished by which of so many patterns they match. */
const MAX_KEY_PATTERNS = 4;
/** Lists of up to so many values have unique items in any order, of up to so many in the order of the values. */
const MAX_FREE_ORDER = 8;
const MAX_UNIQUE_VALUES = 200;
/** Listed members times the number of members: beyond that, only the others are limited. */
const MAX_COUNTED_PLACES = 4096;
/** Remainders are counted exactly up to here; how many of them a number may have on its way is limited by `LIMITS.states`. */
const MAX_MODULUS = 10 ** 12;

class SchemaCompiler {
  private readonly document: SchemaDocument;
  private readonly ids = new Map<SchemaObject, number>();
  /** Rules by the schemas that hold together at a value. */
  private readonly rules = new Map<string, Rule>();
  private readonly pending: (() => void)[] = [];
  private readonly strings: StringTexts;
  private numEdges = 0;
  private readonly opposites = new Map<SchemaObject, SchemaObject>();
  private readonly texts: TextTests = {
    fits: (schema, text) => this.strings.fits(schema, text),
    matches: (pattern, text) => accepts(this.strings.automaton(pattern), text),
  };

  constructor(document: SchemaDocument) {
    this.document = document;
    this.strings = new StringTexts(document);
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
        made.body = this.union(alternativesOf(this.document, objects));
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

  /** Objects and arrays of all alternatives share their brackets: an answer is then at few places at once. */
  private union(alternatives: readonly Alternative[]): Grammar {
    const parts: Parts = { others: [], members: [], items: [] };
    for (const alternative of alternatives) this.addAlternative(alternative, parts);
    const { others, members, items } = parts;
    if (members.length > 0)
      others.push(sequence(literal('{'), SPACE, choice(...members), SPACE, literal('}')));
    if (items.length > 0) others.push(sequence(literal('['), SPACE, choice(...items), SPACE, literal(']')));
    return choice(...others);
  }

  private addAlternative(alternative: Alternative, to: Parts): void {
    const listed = this.listedValues(alternative);
    if (listed) {
      to.others.push(oneOfTexts(listed.map((value) => JSON.stringify(value))));
      return;
    }
    const { types, isInteger } = typesOf(alternative);
    const not = negationOf(this.document, alternative, types, (pattern) => this.strings.automaton(pattern));
    const add: Readonly<Record<BaseType, () => void>> = {
      object: () => this.addObject(alternative, not.keys, to),
      array: () => this.addArray(alternative, to),
      string: () => to.others.push(quotedText(this.string(alternative, not.texts))),
      number: () => to.others.push(this.number(alternative, isInteger)),
      boolean: () => to.others.push(...not.booleans.map(jsonLiteral)),
      null: () => to.others.push(literal('null')),
    };
    for (const type of types) if (!not.types.has(type)) add[type]();
  }

  /** Values of `enum` and `const` that are valid for the other keywords; undefined if there are neither. */
  private listedValues(alternative: Alternative): unknown[] | undefined {
    const first = alternative.find((schema) => schema.enum !== undefined || schema.const !== undefined);
    if (!first) return undefined;
    const candidates = first.const !== undefined ? [first.const] : (first.enum as unknown[]);
    const valid = new Map<string, unknown>();
    for (const value of candidates) {
      if (alternative.every((schema) => isValid(this.document, schema, value, this.texts)))
        valid.set(canonicalJson(value), value);
    }
    return [...valid.values()];
  }

  /** All values for which the schemas hold, if they are listed; undefined otherwise. */
  private finiteValues(schemas: readonly Schema[]): unknown[] | undefined {
    const all = new Map<string, unknown>();
    for (const alternative of alternativesOf(this.document, schemas)) {
      const { types } = typesOf(alternative);
      const isSmall = [...types].every((type) => type === 'boolean' || type === 'null');
      const small = isSmall
        ? [false, true, null].filter((value) => this.isValid(alternative, value))
        : undefined;
      const values = this.listedValues(alternative) ?? small;
      if (!values) return undefined;
      for (const value of values) all.set(canonicalJson(value), value);
    }
    return [...all.values()];
  }

  private isValid(schemas: readonly Schema[], value: unknown): boolean {
    return schemas.every((schema) => isValid(this.document, schema, value, this.texts));
  }

  private addObject(alternative: Alternative, forbidden: ReadonlySet<string>, to: Parts): void {
    const names = alternative.flatMap(({ propertyNames }) =>
      propertyNames === undefined ? [] : [propertyNames as Schema],
    );
    const listedNames = names.length > 0 ? this.finiteValues(names) : undefined;
    const described = alternative.flatMap((schema) => Object.keys((schema.properties ?? {}) as object));
    const required = new Set(alternative.flatMap((schema) => (schema.required ?? []) as string[]));
    const listed = listedNames?.filter((name) => typeof name === 'string') ?? [];
    // Those that are forbidden, too: they are none of the others.
    const keys = [...new Set([...described, ...listed, ...required, ...forbidden])];
    const members = keys
      .map((key) => ({
        isRequired: required.has(key),
        item:
          forbidden.has(key) || !this.isValid(names, key)
            ? NOTHING_AT_ALL
            : sequence(jsonLiteral(key), COLON, this.value(this.schemasOf(alternative, key))),
      }))
      .filter(({ item, isRequired }) => isRequired || item !== NOTHING_AT_ALL);
    const others = listedNames === undefined ? this.otherMembers(alternative, keys, names) : NOTHING_AT_ALL;
    const counts = this.memberCounts(alternative, members, others);
    if (!counts) return;
    if (required.size === 0 && counts.min === 0) to.others.push(literal('{}'));
    if (counts.max > 0) to.members.push(memberList(members, others, counts));
  }

  private schemasOf(alternative: Alternative, key: string): Schema[] {
    return alternative.flatMap((schema) => schemasOfKey(schema, key, this.texts.matches));
  }

  /** Members whose keys are not listed: by the patterns that they match, if there are any. */
  private otherMembers(alternative: Alternative, keys: readonly string[], names: readonly Schema[]): Grammar {
    const patterns = [
      ...new Set(
        alternative.flatMap(({ patternProperties }) => Object.keys((patternProperties ?? {}) as object)),
      ),
    ];
    const rests = alternative.flatMap(({ additionalProperties }) =>
      additionalProperties === undefined ? [] : [additionalProperties as Schema],
    );
    const isClosed = hasOnlyListed(alternative);
    if (patterns.length === 0)
      return isClosed || rests.includes(false)
        ? NOTHING_AT_ALL
        : sequence(this.keys(keys, names, []), COLON, this.value(rests));
    if (patterns.length > MAX_KEY_PATTERNS)
      throw tooLarge('patterns for keys of one object', MAX_KEY_PATTERNS);
    const members: Grammar[] = [];
    for (let subset = isClosed ? 1 : 0; subset < 2 ** patterns.length; subset++) {
      const isIn = (pattern: string): boolean => ((subset >> patterns.indexOf(pattern)) & 1) === 1;
      const schemas = alternative.flatMap((schema) => {
        const own = Object.entries((schema.patternProperties ?? {}) as Record<string, Schema>)
          .filter(([pattern]) => isIn(pattern))
          .map(([, part]) => part);
        if (own.length > 0 || schema.additionalProperties === undefined) return own;
        return [schema.additionalProperties as Schema];
      });
      const automata = patterns.map((pattern) => {
        const automaton = this.strings.automaton(pattern);
        return isIn(pattern) ? automaton : complementOf(automaton);
      });
      members.push(sequence(this.keys(keys, names, automata), COLON, this.value(schemas)));
    }
    return choice(...members);
  }

  /** A key that is none of the listed ones. Those are spelled in one way only, so that it can't be one in disguise. */
  private keys(
    listed: readonly string[],
    names: readonly Schema[],
    automata: readonly TextAutomaton[],
  ): Grammar {
    const all = listed.length === 0 ? automata : [...automata, complementOf(literalsAutomaton(listed))];
    if (names.length === 0) return quotedText({ automata: all, ...ANY_LENGTH });
    return choice(
      ...alternativesOf(this.document, names).map((alternative) => {
        const values = this.listedValues(alternative);
        const own = values && [literalsAutomaton(values.filter((value) => typeof value === 'string'))];
        if (own) return quotedText({ automata: [...own, ...all], ...ANY_LENGTH });
        const { types } = typesOf(alternative);
        const not = negationOf(this.document, alternative, types, (pattern) =>
          this.strings.automaton(pattern),
        );
        if (!types.has('string') || not.types.has('string')) return NOTHING_AT_ALL;
        return quotedText(this.string(alternative, [...not.texts, ...all]));
      }),
    );
  }

  /** How many members there must and may be; undefined if that cannot be. */
  private memberCounts(
    alternative: Alternative,
    members: readonly Member[],
    others: Grammar,
  ): { min: number; max: number; maxOthers: number } | undefined {
    const min = Math.max(0, ...alternative.map(({ minProperties = 0 }) => minProperties as number));
    let max = least(alternative, 'maxProperties');
    const numRequired = members.filter(({ isRequired }) => isRequired).length;
    if (min > Math.max(numRequired, 1)) {
      const [schema] = alternative.filter(({ minProperties }) => minProperties === min);
      throw unsupported(
        'minProperties',
        this.document.pointerOf(schema),
        'not above 1 and the number of required keys',
      );
    }
    if (others === NOTHING_AT_ALL && max >= members.length) max = Number.POSITIVE_INFINITY;
    if (max < Math.max(min, numRequired)) return undefined;
    const numPlaces = members.length * max;
    const isSmall = numPlaces <= MAX_COUNTED_PLACES || max === Number.POSITIVE_INFINITY;
    if (isSmall) return { min, max, maxOthers: Number.POSITIVE_INFINITY };
    if (max < members.length) throw tooLarge('members to count', MAX_COUNTED_PLACES);
    // As if all the listed ones were there: fewer others than could be, but never too many members.
    return { min, max: Number.POSITIVE_INFINITY, maxOthers: max - members.length };
  }

  private addArray(alternative: Alternative, to: Parts): void {
    const min = Math.max(0, ...alternative.map(({ minItems = 0 }) => minItems as number));
    let max = least(alternative, 'maxItems');
    const parts = alternative.map(itemSchemas);
    const numFirst = Math.max(0, ...parts.map(({ first }) => first.length));
    const rest = parts.flatMap((part) => (part.rest === undefined ? [] : [part.rest]));
    // As with properties: what is listed is all there is, unless the schema says more.
    if (numFirst > 0 && rest.length === 0) max = Math.min(max, Math.max(numFirst, min));
    if (min > max) return;
    const containing = alternative.filter(({ contains }) => contains !== undefined);
    if (containing.length > 0) {
      this.addContaining(containing, alternative, { parts, numFirst, min, max }, to);
      return;
    }
    if (min === 0) to.others.push(literal('[]'));
    if (max === 0) return;
    to.items.push(
      this.uniqueItems(alternative, rest, numFirst, min, max) ?? this.items(parts, rest, numFirst, min, max),
    );
  }

  private items(
    parts: readonly ReturnType<typeof itemSchemas>[],
    rest: readonly Schema[],
    numFirst: number,
    min: number,
    max: number,
  ): Grammar {
    const first = Array.from({ length: Math.min(numFirst, max) }, (_, i) => this.value(schemasAt(parts, i)));
    return itemList(first, this.value(rest), min, max);
  }

  /** Arrays of which some items are counted, by `contains`. */
  private addContaining(
    [asking, ...more]: readonly SchemaObject[],
    alternative: Alternative,
    { parts, numFirst, min, max }: ItemRules,
    to: Parts,
  ): void {
    if (more.length > 0)
      throw unsupported('contains', this.document.pointerOf(more[0]), 'only one of them for an array');
    const unique = alternative.find(({ uniqueItems }) => uniqueItems === true);
    if (unique && max > 1) this.document.ignore(unique, 'uniqueItems');
    const { contains, minContains = 1, maxContains = Number.POSITIVE_INFINITY } = asking;
    const [least, most] = [minContains as number, maxContains as number];
    if (least > Math.min(most, max)) return;
    if (min === 0 && least === 0) to.others.push(literal('[]'));
    if (max === 0) return;
    const numItems = max < Number.POSITIVE_INFINITY ? max : Math.max(min, numFirst, 1);
    const numCounts = most < Number.POSITIVE_INFINITY ? most : least;
    if ((numItems + 1) * (numCounts + 1) > MAX_COUNTED_PLACES)
      throw tooLarge('items to count', MAX_COUNTED_PLACES);
    const counted = contains as Schema;
    // Where there may be any number of them, one that is not counted may be like them, too.
    const other = most < Number.POSITIVE_INFINITY ? this.opposite(asking, counted) : true;
    const at = (i: number) => {
      const own = schemasAt(parts, i);
      return { counted: this.value([...own, counted]), other: this.value([...own, other]) };
    };
    to.items.push(countedItems(at, { numFirst, min, max, least, most }));
  }

  private opposite(from: SchemaObject, schema: Schema): Schema {
    if (typeof schema === 'boolean') return !schema;
    const not = this.opposites.get(schema) ?? { not: schema };
    this.opposites.set(schema, not);
    this.document.derive(from, not);
    return not;
  }

  /** At least one item, none of them twice; undefined where that is not requested, or cannot be enforced. */
  private uniqueItems(
    alternative: Alternative,
    rest: readonly Schema[],
    numFirst: number,
    min: number,
    max: number,
  ): Grammar | undefined {
    const asking = alternative.find(({ uniqueItems }) => uniqueItems === true);
    if (!asking || max <= 1) return undefined;
    const values = numFirst === 0 && rest.length > 0 ? this.finiteValues(rest) : undefined;
    if (!values || values.length > MAX_UNIQUE_VALUES) {
      this.document.ignore(asking, 'uniqueItems');
      return undefined;
    }
    const items = values.map(jsonLiteral);
    const bounds = { min: Math.max(min, 1), max: Math.min(max, values.length) };
    return values.length <= MAX_FREE_ORDER
      ? selections(items, COMMA, bounds)
      : increasing(items, COMMA, bounds);
  }

  private string(alternative: Alternative, more: readonly TextAutomaton[]): TextSet {
    const parts = alternative.map((schema) => this.strings.of(schema));
    return {
      automata: [...parts.flatMap(({ automata }) => automata), ...more],
      min: Math.max(
        ...parts.map(({ min }) => min),
        ...alternative.map(({ minLength = 0 }) => minLength as number),
      ),
      max: Math.min(...parts.map(({ max }) => max), least(alternative, 'maxLength')),
    };
  }

  private number(alternative: Alternative, isInteger: boolean): Grammar {
    const steps = alternative.filter(({ multipleOf }) => multipleOf !== undefined);
    if (steps.length === 0) return schemaNumber(alternative, { isInteger, step: undefined });
    const step = commonStep(
      steps.map(({ multipleOf }) => multipleOf as number),
      isInteger,
      MAX_MODULUS,
    );
    if (step) {
      try {
        return this.counted(schemaNumber(alternative, { isInteger: step.scale === 0, step }));
      } catch (error) {
        if (!(error instanceof DotsError) || error.code !== 'constraint-too-large') throw error;
      }
    }
    const pointer = this.document.pointerOf(steps[0]);
    throw unsupported(
      'multipleOf',
      pointer,
      'numbers with so many decimals or remainders cannot be followed; bounds that are closer together may help',
    );
  }

  /** Graphs of thousands of edges each are refused before hundreds of them are made. */
  private counted(grammar: Grammar): Grammar {
    this.numEdges += numEdgesOf(grammar);
    if (this.numEdges > LIMITS.states) throw tooLarge('states', LIMITS.states);
    return grammar;
  }
}

function numEdgesOf(grammar: Grammar): number {
  if (grammar.kind === 'graph') return grammar.edges.length;
  return 'items' in grammar ? grammar.items.reduce((sum, item) => sum + numEdgesOf(item), 0) : 0;
}

/** What the alternatives of one value are made of. */
interface Parts {
  readonly others: Grammar[];
  /** Between the brackets of objects that have members. */
  readonly members: Grammar[];
  /** Between the brackets of arrays that have items. */
  readonly items: Grammar[];
}

interface ItemRules {
  readonly parts: readonly ReturnType<typeof itemSchemas>[];
  readonly numFirst: number;
  readonly min: number;
  readonly max: number;
}

function schemasAt(parts: ItemRules['parts'], i: number): Schema[] {
  return parts.flatMap((part) => {
    const schema = part.first[i] ?? part.rest;
    return schema === undefined ? [] : [schema];
  });
}

function quotedText({ automata, min, max }: TextSet): Grammar {
  if (min > max) return NOTHING_AT_ALL;
  if (automata.length === 0) return jsonString(min, max);
  const isBounded = min > 0 || max < Number.POSITIVE_INFINITY;
  return quoted(textGrammar(automata.reduce(both), jsonCharacters, isBounded ? { min, max } : undefined));
}

/** An object whose properties are listed has no others, unless the schema says so: models would invent them. */
function hasOnlyListed(alternative: Alternative): boolean {
  const isDescribed = alternative.some(
    ({ properties, patternProperties }) =>
      properties !== undefined || Object.keys((patternProperties ?? {}) as object).length > 0,
  );
  return isDescribed && alternative.every(({ additionalProperties }) => additionalProperties === undefined);
}

function least(alternative: Alternative, keyword: string): number {
  return Math.min(
    ...alternative.map((schema) => (schema[keyword] as number | undefined) ?? Number.POSITIVE_INFINITY),
  );
}
