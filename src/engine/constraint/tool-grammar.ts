import { UsageError } from '../../core/errors.ts';
import {
  CALL_OPEN,
  CALL_SEPARATOR,
  callFrame,
  checkTools,
  type ToolDefinition,
} from '../../text/tools/tool-format.ts';
import { byte, choice, type Grammar, type GraphEdge, literal, repeat, sequence } from './grammar.ts';
import { schemaGrammar } from './json-schema.ts';

/** `none`: no call at all. `auto`: text, then perhaps calls. `required`: calls and nothing else. Or calls of one tool. */
export type ToolChoice = 'none' | 'auto' | 'required' | { readonly name: string };

export interface ToolRules {
  readonly tools: readonly ToolDefinition[];
  readonly choice: ToolChoice;
  /** More than one call in an answer; default true. */
  readonly parallel?: boolean;
}

const MAX_CALLS = 32;

/**
 * Answers that keep to the rules: every call is one of a tool that exists, with arguments that are valid for it. Throws
 * `UsageError`: as `checkTools`, `unsupported-schema` naming the tool, `unknown-tool`.
 */
export function toolGrammar({ tools, choice: wanted, parallel = true }: ToolRules): Grammar {
  checkTools(tools);
  if (wanted === 'none') return textBeforeCalls(undefined);
  const usable = typeof wanted === 'string' ? tools : tools.filter(({ name }) => name === wanted.name);
  if (usable.length === 0) {
    throw new UsageError(
      typeof wanted === 'string' ? 'There are no tools to call' : `There is no tool "${wanted.name}" to call`,
      { code: 'unknown-tool', hint: 'choose one of the tools of the request' },
    );
  }
  const behindMarker = choice(...usable.map(callBehindMarker));
  const another = sequence(literal(CALL_SEPARATOR + CALL_OPEN), behindMarker);
  const calls = sequence(behindMarker, repeat(another, 0, parallel ? MAX_CALLS - 1 : 0));
  return wanted === 'auto' ? textBeforeCalls(calls) : sequence(literal(CALL_OPEN), calls);
}

function callBehindMarker(tool: ToolDefinition): Grammar {
  const { before, behind } = callFrame(tool.name);
  return sequence(literal(before.slice(CALL_OPEN.length)), argumentsOf(tool), literal(behind));
}

function argumentsOf({ name, parameters }: ToolDefinition): Grammar {
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
function textBeforeCalls(calls: Grammar | undefined): Grammar {
  const marker = new TextEncoder().encode(CALL_OPEN);
  const { length } = marker;
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

/** How many first bytes of the marker end the text made of its first `matched` bytes and `next`. */
function longestEnd(marker: Uint8Array, matched: number, next: number): number {
  const text = [...marker.subarray(0, matched), next];
  for (let length = Math.min(text.length, marker.length); length > 0; length--) {
    const start = text.length - length;
    if (text.slice(start).every((value, i) => value === marker[i])) return length;
  }
  return 0;
}
