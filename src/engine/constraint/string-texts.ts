/** Which texts the keywords `pattern` and `format` allow, each pattern compiled once. */
import { DotsError } from '../../core/errors.ts';
import { FORMAT_LENGTHS, FORMATS } from './formats.ts';
import type { Lengths } from './grammar.ts';
import { measuredPattern } from './length-look.ts';
import { type Pattern, parsePattern } from './pattern-syntax.ts';
import { type SchemaDocument, unsupported } from './schema-document.ts';
import type { SchemaObject } from './schema-types.ts';
import { accepts, type TextAutomaton, textAutomaton } from './text-automaton.ts';

/** Texts that all the automata accept, of `min` to `max` characters. */
export interface TextSet extends Lengths {
  readonly automata: readonly TextAutomaton[];
}

export const ANY_LENGTH: Lengths = { min: 0, max: Number.POSITIVE_INFINITY };

export class StringTexts {
  private readonly document: SchemaDocument;
  private readonly automata = new Map<string, TextAutomaton>();

  constructor(document: SchemaDocument) {
    this.document = document;
  }

  /** Of a pattern that may match anywhere in a text. */
  automaton(pattern: string): TextAutomaton {
    return this.once(`pattern ${pattern}`, () => textAutomaton(parsePattern(pattern), true));
  }

  /** What `pattern` and `format` of one schema allow, or less: see `MeasuredPattern`. */
  of(schema: SchemaObject): TextSet {
    const { format, pattern } = schema;
    const automata = this.ofFormat(format);
    let { min, max } = ANY_LENGTH;
    if (automata.length > 0) max = FORMAT_LENGTHS[format as string] ?? max;
    if (typeof pattern === 'string') {
      const measured = this.naming(schema, () => measuredPattern(parsePattern(pattern)));
      if (measured) {
        automata.push(this.part(schema, 'rest of', pattern, measured.pattern));
        automata.push(this.part(schema, 'characters of', pattern, measured.characters, false));
        min = measured.lengths.min;
        max = Math.min(max, measured.lengths.max);
      } else {
        automata.push(this.naming(schema, () => this.automaton(pattern)));
      }
    }
    return { automata, min, max };
  }

  /** Do they allow this text? */
  fits(schema: SchemaObject, text: string): boolean {
    const { format, pattern } = schema;
    const automata = this.ofFormat(format);
    if (automata.length > 0 && Array.from(text).length > (FORMAT_LENGTHS[format as string] ?? Infinity))
      return false;
    if (typeof pattern === 'string') {
      const measured = this.naming(schema, () => measuredPattern(parsePattern(pattern)));
      if (measured) {
        automata.push(this.part(schema, 'rest of', pattern, measured.pattern));
        automata.push(this.part(schema, 'look of', pattern, measured.look, false));
      } else {
        automata.push(this.naming(schema, () => this.automaton(pattern)));
      }
    }
    return automata.every((automaton) => accepts(automaton, text));
  }

  private ofFormat(format: unknown): TextAutomaton[] {
    if (typeof format !== 'string' || !Object.hasOwn(FORMATS, format)) return [];
    return [this.once(`format ${format}`, () => textAutomaton(parsePattern(FORMATS[format]), false))];
  }

  private part(
    schema: SchemaObject,
    name: string,
    whole: string,
    pattern: Pattern,
    search = true,
  ): TextAutomaton {
    return this.naming(schema, () => this.once(`${name} ${whole}`, () => textAutomaton(pattern, search)));
  }

  private once(key: string, make: () => TextAutomaton): TextAutomaton {
    let made = this.automata.get(key);
    if (!made) {
      made = make();
      this.automata.set(key, made);
    }
    return made;
  }

  private naming<T>(schema: SchemaObject, make: () => T): T {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof DotsError)) throw error;
      throw unsupported('pattern', this.document.pointerOf(schema), error.message);
    }
  }
}
