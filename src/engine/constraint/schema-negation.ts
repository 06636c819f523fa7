/** `not` of one keyword (`schema-branches.ts` has the rest), as far as it can be followed: what the other keywords allow, less some types, texts or keys. */
import { FORMATS } from './formats.ts';
import { parsePattern } from './pattern-syntax.ts';
import type { Alternative, BaseType } from './schema-alternatives.ts';
import { isSplit } from './schema-branches.ts';
import { type SchemaDocument, unsupported } from './schema-document.ts';
import { KEYWORDS } from './schema-keywords.ts';
import { namedTypes, type Schema, type SchemaObject } from './schema-types.ts';
import { complementOf, literalsAutomaton, type TextAutomaton, textAutomaton } from './text-automaton.ts';

/** What is excluded; of booleans, what is left. */
export interface Negation {
  readonly types: ReadonlySet<BaseType>;
  readonly texts: readonly TextAutomaton[];
  readonly keys: ReadonlySet<string>;
  readonly booleans: readonly boolean[];
}

const STRING_KEYWORDS = ['pattern', 'format', 'minLength', 'maxLength'];
const ALL_TYPES: readonly BaseType[] = ['object', 'array', 'string', 'number', 'boolean', 'null'];

/** `types`: those that the rest of the alternative allows. Throws `UsageError` for a `not` that cannot be followed. */
export function negationOf(
  document: SchemaDocument,
  alternative: Alternative,
  types: ReadonlySet<BaseType>,
  automatonOf: (pattern: string) => TextAutomaton,
): Negation {
  const excluded = new Set<BaseType>();
  const texts: TextAutomaton[] = [];
  const keys = new Set<string>();
  let booleans = [true, false];
  const has = (type: BaseType): boolean => types.has(type) && !excluded.has(type);

  const exclude = (not: Schema, within: SchemaObject): void => {
    if (not === false) return;
    const words = not === true ? [] : Object.keys(not).filter((word) => restricts(word, not));
    if (not === true || words.length === 0) {
      addAll(ALL_TYPES);
      return;
    }
    const refuse = (): never => {
      throw unsupported(
        'not',
        document.pointerOf(within),
        `not with ${words.map((word) => `"${word}"`).join(', ')}`,
      );
    };
    if (words.includes('enum') || words.includes('const')) {
      if (words.some((word) => word !== 'enum' && word !== 'const' && word !== 'type')) refuse();
      const values = not.const !== undefined ? [not.const] : (not.enum as unknown[]);
      for (const value of values) {
        const type = typeOf(value);
        if (type === 'object' || type === 'array' || type === 'number') {
          if (has(type)) refuse();
        } else if (type === 'null') excluded.add('null');
        else if (type === 'boolean') booleans = booleans.filter((item) => item !== value);
      }
      const strings = values.filter((value) => typeof value === 'string');
      if (strings.length > 0) texts.push(complementOf(literalsAutomaton(strings)));
      return;
    }
    if (words.join() === 'type') {
      const names = namedTypes(not) ?? [];
      // Numbers that are not whole: nothing follows that.
      if (names.includes('integer') && !names.includes('number') && has('number')) refuse();
      addAll(names.filter((name) => name !== 'integer'));
      return;
    }
    const named = namedTypes(not);
    const isOnly = (type: BaseType): boolean => !named || named.every((name) => name === type);
    if (words.every((word) => word === 'type' || STRING_KEYWORDS.includes(word)) && isOnly('string')) {
      // Without a type, other values are valid for these keywords, hence not for their opposite.
      if (!named) addAll(ALL_TYPES.filter((type) => type !== 'string'));
      texts.push(complementOf(textsOf(not, automatonOf)));
      return;
    }
    if (words.every((word) => word === 'type' || word === 'required') && isOnly('object')) {
      const required = not.required as string[];
      if (!named) addAll(ALL_TYPES.filter((type) => type !== 'object'));
      if (required.length === 0) addAll(['object']);
      for (const key of required) keys.add(key);
      return;
    }
    refuse();
  };
  const addAll = (names: readonly (BaseType | 'integer')[]): void => {
    for (const name of names) excluded.add(name as BaseType);
  };
  for (const schema of alternative)
    if (schema.not !== undefined && !isSplit(schema.not as Schema)) exclude(schema.not as Schema, schema);
  return { types: excluded, texts, keys, booleans };
}

/** `nullable` belongs to `type`; what is not enforced restricts nothing. */
function restricts(word: string, schema: SchemaObject): boolean {
  if (word === 'nullable') return false;
  if (word === 'format') return Object.hasOwn(FORMATS, schema.format as string);
  return Object.hasOwn(KEYWORDS, word) && KEYWORDS[word].use === 'enforced' && !NAMES.includes(word);
}

const NAMES = ['$id', '$anchor', '$defs', 'definitions'];

function typeOf(value: unknown): BaseType {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : (typeof value as BaseType);
}

/** The strings that a schema with one keyword of strings allows. */
function textsOf(schema: SchemaObject, automatonOf: (pattern: string) => TextAutomaton): TextAutomaton {
  if (typeof schema.pattern === 'string') return automatonOf(schema.pattern);
  const format = FORMATS[schema.format as string];
  const { minLength = 0, maxLength = '' } = schema;
  return textAutomaton(parsePattern(format ?? `[^]{${minLength},${maxLength}}`), false);
}
