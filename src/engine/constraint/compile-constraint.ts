import { UsageError } from '../../core/errors.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import { constrainTokens } from './byte-constraint.ts';
import { utf8 } from './code-points.ts';
import type { Constraint } from './constraint.ts';
import { choice, type Grammar, literal } from './grammar.ts';
import { schemaGrammar } from './json-schema.ts';
import { LIMITS, tooLarge } from './limits.ts';
import { parsePattern } from './pattern-syntax.ts';
import { textAutomaton, textGrammar } from './text-automaton.ts';
import { type ToolRules, toolGrammar } from './tool-grammar.ts';

export type ConstraintSpec =
  /** Any JSON object. */
  | { readonly type: 'json-object' }
  | { readonly type: 'json-schema'; readonly schema: unknown }
  /** The whole answer matches the pattern. */
  | { readonly type: 'regex'; readonly pattern: string }
  /** The answer is one of these texts. */
  | { readonly type: 'choice'; readonly choices: readonly string[] }
  /** Text and calls of tools, as `toolMessages` explains them to the model and `ToolCallParser` reads them. */
  | ({ readonly type: 'tools' } & ToolRules);

/** Requests come with the same few schemas again and again, and a constraint that has been used knows its masks. */
const MAX_KEPT = 16;
const compiled = new WeakMap<Tokenizer, Map<string, Constraint>>();

/**
 * What an answer must look like -> what `generate` takes as its `constraint`. It may be used for any number of answers, and
 * gets faster with use. Throws `UsageError` for everything that can't be promised: `unsupported-schema` (with keyword
 * and JSON pointer), `unsupported-pattern`, `unsatisfiable-constraint`, `constraint-too-large`, `bad-choices`,
 * `bad-tool`, `unknown-tool`.
 */
export function compileConstraint(spec: ConstraintSpec, tokenizer: Tokenizer): Constraint {
  let known = compiled.get(tokenizer);
  if (!known) {
    known = new Map();
    compiled.set(tokenizer, known);
  }
  const key = JSON.stringify(spec);
  const constraint = known.get(key) ?? constrainTokens(grammarOf(spec), tokenizer);
  // The order of the map is that of use.
  known.delete(key);
  known.set(key, constraint);
  if (known.size > MAX_KEPT) known.delete(known.keys().next().value as string);
  return constraint;
}

function grammarOf(spec: ConstraintSpec): Grammar {
  switch (spec.type) {
    case 'json-object':
      return schemaGrammar({ type: 'object' });
    case 'json-schema':
      return schemaGrammar(spec.schema);
    case 'regex':
      return textGrammar(textAutomaton(parsePattern(spec.pattern), false), utf8);
    case 'choice':
      return choiceGrammar(spec.choices);
    case 'tools':
      return toolGrammar(spec);
  }
}

function choiceGrammar(choices: readonly string[]): Grammar {
  if (choices.length === 0 || choices.includes('')) {
    throw new UsageError('There is nothing to choose from, or a choice is empty', {
      code: 'bad-choices',
      hint: 'give at least one text, each of at least one character',
    });
  }
  if (choices.reduce((sum, text) => sum + text.length, 0) > LIMITS.schemaBytes) {
    throw tooLarge('characters of choices', LIMITS.schemaBytes);
  }
  return choice(...choices.map(literal));
}
