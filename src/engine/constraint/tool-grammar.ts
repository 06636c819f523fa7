import { UsageError } from '../../core/errors.ts';
import {
  checkTools,
  TOOL_FORMATS,
  type ToolDefinition,
  type ToolFormat,
  type ToolFormatName,
} from '../../text/tools/tool-format.ts';
import { byte, choice, type Grammar, type GraphEdge, literal, repeat, sequence } from './grammar.ts';
import { type SchemaGrammar, schemaGrammar } from './json-schema.ts';
import { Possibility } from './possibility.ts';

/**
 * `none`: no call at all. `auto`: text, then perhaps calls. `required`: calls and nothing else. Or calls of one tool; or some of
 * the tools only, as in `auto` or `required`.
 */
export type ToolChoice =
  | 'none'
  | 'auto'
  | 'required'
  | { readonly name: string }
  | { readonly mode: 'auto' | 'required'; readonly names: readonly string[] };

export interface ToolRules {
  readonly tools: readonly ToolDefinition[];
  readonly choice: ToolChoice;
  /** More than one call in an answer; default true. */
  readonly parallel?: boolean;
  /** How the model writes a call; default `tagged`. */
  readonly format?: ToolFormatName;
}

const MAX_CALLS = 32;

/**
 * Answers that keep to the rules: every call is one of a tool that exists, with arguments that are valid for it. `text`: what an
 * answer without calls has to look like; default: anything. Throws `UsageError`: as `checkTools`, `unsupported-schema` naming
 * the tool, `unknown-tool`.
 */
export function toolGrammar(rules: ToolRules, text?: SchemaGrammar): SchemaGrammar {
  const { tools, choice: wanted, parallel = true } = rules;
  checkTools(tools);
  const format = TOOL_FORMATS[rules.format ?? 'tagged'];
  if (wanted === 'none') return text ?? { grammar: textBeforeCalls(format, undefined), ignored: [] };
  const ignored = [...(text?.ignored ?? [])];
  const { open, separator } = format;
  const call = choice(
    ...usableTools(tools, wanted).map((tool) => {
      const parameters = argumentsOf(tool);
      ignored.push(...parameters.ignored.map((what) => `tool "${tool.name}" ${what}`));
      if (!new Possibility(parameters.grammar).has(parameters.grammar))
        ignored.push(`tool "${tool.name}": no arguments are valid for its parameters, so it is never called`);
      return callBehindMarker(tool, format, parameters.grammar);
    }),
  );
  const another = separator === undefined ? undefined : sequence(literal(separator + open), call);
  const calls = another && parallel ? sequence(call, repeat(another, 0, MAX_CALLS - 1)) : call;
  const onlyCalls = sequence(literal(open), calls);
  if (!mayAnswerText(wanted)) return { grammar: onlyCalls, ignored };
  return { grammar: text ? choice(text.grammar, onlyCalls) : textBeforeCalls(format, calls), ignored };
}

/** May the answer be text without a call? */
export function mayAnswerText(choice: ToolChoice): boolean {
  return (
    choice === 'none' ||
    choice === 'auto' ||
    (typeof choice === 'object' && 'mode' in choice && choice.mode === 'auto')
  );
}

function usableTools(tools: readonly ToolDefinition[], wanted: ToolChoice): readonly ToolDefinition[] {
  const names =
    typeof wanted === 'string'
      ? tools.map(({ name }) => name)
      : 'mode' in wanted
        ? wanted.names
        : [wanted.name];
  const missing = names.find((name) => !tools.some((tool) => tool.name === name));
  if (missing === undefined && names.length > 0) return tools.filter(({ name }) => names.includes(name));
  throw new UsageError(
    missing === undefined ? 'There are no tools to call' : `There is no tool "${missing}" to call`,
    { code: 'unknown-tool', hint: 'choose one of the tools of the request' },
  );
}

function callBehindMarker(tool: ToolDefinition, { open, frame }: ToolFormat, parameters: Grammar): Grammar {
  const { before, behind } = frame(tool.name);
  return sequence(literal(before.slice(open.length)), parameters, literal(behind));
}

function argumentsOf({ name, parameters }: ToolDefinition): SchemaGrammar {
  try {
    return schemaGrammar(parameters ?? { type: 'object' }, { type: 'object' });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`The parameters of tool "${name}": ${error.message}`, {
      code: error.code,
      ...(error.hint !== undefined && { hint: error.hint }),
      cause: error,
    });
  }
}

/** Any bytes without the marker that opens a call, perhaps none; then, if there may be calls, perhaps that marker and them. */
function textBeforeCalls({ open, separator }: ToolFormat, calls: Grammar | undefined): Grammar {
  const marker = new TextEncoder().encode(open);
  const { length } = marker;
  if (separator === undefined) return textOrCall(marker, calls);
  const edges: GraphEdge[] = [];
  for (let from = 0; from < length; from++) {
    // State: how many bytes of the marker the text so far ends with.
    const to = Array.from({ length: 256 }, (_, value) => longestEnd(marker, from, value));
    for (let low = 0; low < 256; ) {
      let high = low;
      while (high < 255 && to[high + 1] === to[low]) high++;
      if (to[low] < length || calls) edges.push({ from, to: to[low], item: byte(low, high) });
      low = high + 1;
    }
  }
  const ends = new Set(Array.from({ length }, (_, state) => state));
  if (!calls) return { kind: 'graph', numStates: length, edges, start: 0, ends };
  edges.push({ from: length, to: length + 1, item: calls });
  return { kind: 'graph', numStates: length + 2, edges, start: 0, ends: ends.add(length + 1) };
}

/** Any bytes that don't begin with the marker, perhaps none; or, if there may be one, the marker and a call. */
function textOrCall(marker: Uint8Array, call: Grammar | undefined): Grammar {
  const { length } = marker;
  const free = length + 1;
  const end = length + 2;
  // State: how many bytes of the marker the text is so far.
  const edges: GraphEdge[] = [{ from: free, to: free, item: byte(0, 255) }];
  for (const [from, value] of marker.entries()) {
    if (from + 1 < length || call) edges.push({ from, to: from + 1, item: byte(value, value) });
    if (value > 0) edges.push({ from, to: free, item: byte(0, value - 1) });
    edges.push({ from, to: free, item: byte(value + 1, 255) });
  }
  if (call) edges.push({ from: length, to: end, item: call });
  const texts = Array.from({ length }, (_, state) => state);
  return { kind: 'graph', numStates: length + 3, edges, start: 0, ends: new Set([...texts, free, end]) };
}

/** How many first bytes of the marker end the text made of its first `matched` bytes and `next`. */
function longestEnd(marker: Uint8Array, matched: number, next: number): number {
  const text = [...marker.subarray(0, matched), next];
  for (let length = Math.min(text.length, marker.length); length > 0; length--) {
    const start = text.length - length;
    if (text.slice(start).every((value, i) => value === marker[i])) return length;
  }
  return 0;
}
