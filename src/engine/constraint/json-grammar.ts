/** JSON's own parts: white space, strings, literals. */
import { ANY_JSON_CHARACTER } from './code-points.ts';
import { byte, choice, EMPTY, type Grammar, literal, repeat, rule, sequence } from './grammar.ts';

/**
 * White space after an opening bracket or a comma and before a closing bracket: none, one space, or one line end with an
 * indentation. Bounded, so that a weak model cannot produce it forever.
 */
export const SPACE: Grammar = rule(
  choice(
    EMPTY,
    literal(' '),
    sequence(literal('\n'), choice(repeat(literal(' '), 0, 32), repeat(literal('\t'), 1, 8))),
  ),
);

/** Between a key and its value. */
export const COLON: Grammar = sequence(literal(':'), choice(EMPTY, literal(' ')));
export const COMMA: Grammar = sequence(literal(','), SPACE);

/** A string of `min` to `max` characters; a pair of surrogate escapes is one. */
export function jsonString(min = 0, max = Number.POSITIVE_INFINITY): Grammar {
  return quoted(repeat(ANY_JSON_CHARACTER, min, max));
}

export function quoted(content: Grammar): Grammar {
  return rule(sequence(byte(0x22), content, byte(0x22)));
}

/** A value in the one way that `JSON.stringify` writes it. */
export function jsonLiteral(value: unknown): Grammar {
  return literal(JSON.stringify(value));
}
