import { UsageError } from '../../core/errors.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import { constrainTokens } from './byte-constraint.ts';
import { utf8 } from './code-points.ts';
import type { Constraint } from './constraint.ts';
import { gbnfGrammar } from './gbnf.ts';
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
  /** The rule `root` of a grammar in llama.cpp's form. */
  | { readonly type: 'grammar'; readonly gbnf: string }
  /** Text and calls of tools, as `toolMessages` explains them to the model and `ToolCallParser` reads them. */
  | ({ readonly type: 'tools' } & ToolRules);

/**
 * What an answer must look like -> the `constraint` of `generate`. Reuse it for all answers of one form: it caches token
 * masks, and the first tokens of the first answer take much longer than the rest. Throws `UsageError` for everything that
 * cannot be enforced: `unsupported-schema` (with keyword and JSON pointer), `unsupported-pattern`,
 * `unsatisfiable-constraint`, `constraint-too-large`, `bad-grammar`, `bad-choices`, `bad-tool`, `unknown-tool`.
 */
export function compileConstraint(spec: ConstraintSpec, tokenizer: Tokenizer): Constraint {
  return constrainTokens(grammarOf(spec), tokenizer);
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
    case 'grammar':
      return gbnfGrammar(spec.gbnf);
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
