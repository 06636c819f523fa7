import { UsageError } from '../../core/errors.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import { type CompiledConstraint, compileGrammar, constrainTokens } from './byte-constraint.ts';
import { utf8 } from './code-points.ts';
import type { Constraint } from './constraint.ts';
import { gbnfGrammar } from './gbnf.ts';
import { type Grammar, oneOfTexts } from './grammar.ts';
import { type SchemaGrammar, schemaGrammar } from './json-schema.ts';
import { measuredPattern } from './length-look.ts';
import { LIMITS, tooLarge } from './limits.ts';
import { type Pattern, parsePattern } from './pattern-syntax.ts';
import { both, textAutomaton, textGrammar } from './text-automaton.ts';
import { type TokenTexts, tokenTexts } from './token-texts.ts';
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
  /**
   * Text and calls of tools, as `toolMessages` explains them to the model and `ToolCallParser` reads them. With `text`, the answer
   * is either calls or what that says; the parser then needs `isWhole`.
   */
  | ({ readonly type: 'tools'; readonly text?: TextSpec } & ToolRules);

export type TextSpec = Exclude<ConstraintSpec, { readonly type: 'tools' }>;

/**
 * What an answer must look like -> the `constraint` of `generate`. Reuse it for all answers of one form: it caches token
 * masks, and the first tokens of the first answer take much longer than the rest. Throws `UsageError` for everything that
 * cannot be enforced: `unsupported-schema` (with keyword and JSON pointer), `unsupported-pattern`,
 * `unsatisfiable-constraint`, `constraint-too-large`, `bad-grammar`, `bad-choices`, `bad-tool`, `unknown-tool`.
 */
export function compileConstraint(spec: ConstraintSpec, tokenizer: Tokenizer): Constraint {
  return constrainTokens(compileSpec(spec, tokenTexts(tokenizer)), tokenizer);
}

/** The part of `compileConstraint` that takes long. Throws the same. */
export function compileSpec(spec: ConstraintSpec, tokens: TokenTexts): CompiledConstraint {
  return compileGrammar(grammarOf(spec, tokens));
}

function grammarOf(spec: ConstraintSpec, tokens: TokenTexts): SchemaGrammar {
  switch (spec.type) {
    case 'json-object':
      return schemaGrammar({ type: 'object' });
    case 'json-schema':
      return schemaGrammar(spec.schema);
    case 'regex':
      return exact(patternGrammar(parsePattern(spec.pattern)));
    case 'choice':
      return exact(choiceGrammar(spec.choices));
    case 'grammar':
      return exact(gbnfGrammar(spec.gbnf, tokens));
    case 'tools': {
      const text = spec.text && grammarOf(spec.text, tokens);
      return toolGrammar(spec, text);
    }
  }
}

function patternGrammar(pattern: Pattern): Grammar {
  const measured = measuredPattern(pattern);
  if (!measured) return textGrammar(textAutomaton(pattern, false), utf8);
  const { characters, lengths } = measured;
  const all = both(textAutomaton(measured.pattern, false), textAutomaton(characters, false));
  return textGrammar(all, utf8, lengths);
}

function exact(grammar: Grammar): SchemaGrammar {
  return { grammar, ignored: [] };
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
  return oneOfTexts(choices);
}
