/**
 * How tools look in text. No format is published for this model, so there is one for all: descriptions as JSON in the
 * system turn, calls and results as JSON and text between markers that are plain text, not control tokens.
 */
import { UsageError } from '../../core/errors.ts';

export interface ToolDefinition {
  /** Letters, digits, `_` and `-`, at most 64. */
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of an object; default: any object. */
  readonly parameters?: unknown;
}

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON. */
  readonly arguments: string;
}

export const CALL_OPEN = '<tool_call>';
export const CALL_CLOSE = '</tool_call>';
/** Between calls of one answer. */
export const CALL_SEPARATOR = '\n';
const RESULT_OPEN = '<tool_response>';
const RESULT_CLOSE = '</tool_response>';
const LIST_OPEN = '<tools>';
const LIST_CLOSE = '</tools>';
const MAX_TOOLS = 128;

/** The text before and after the arguments, including the markers. */
export function callFrame(name: string): { readonly before: string; readonly behind: string } {
  return { before: `${CALL_OPEN}\n{"name": "${name}", "arguments": `, behind: `}\n${CALL_CLOSE}` };
}

export function callText(call: Pick<ToolCall, 'name' | 'arguments'>): string {
  const { before, behind } = callFrame(call.name);
  return before + call.arguments + behind;
}

export function resultText(content: string): string {
  return `${RESULT_OPEN}\n${content}\n${RESULT_CLOSE}`;
}

/** The block of the system turn. */
export function toolsText(tools: readonly ToolDefinition[]): string {
  const list = tools.map(({ name, description, parameters }) =>
    JSON.stringify({ name, description, parameters: parameters ?? { type: 'object' } }),
  );
  return [
    '# Tools',
    '',
    `You can call functions. Each line between ${LIST_OPEN} and ${LIST_CLOSE} describes one as JSON.`,
    '',
    LIST_OPEN,
    ...list,
    LIST_CLOSE,
    '',
    `To call a function, write its name and its arguments as JSON between ${CALL_OPEN} and ${CALL_CLOSE}:`,
    '',
    callText({ name: 'name-of-the-function', arguments: '{"argument": "value"}' }),
    '',
    `What it returns comes back between ${RESULT_OPEN} and ${RESULT_CLOSE}.`,
  ].join('\n');
}

/** Markers in the words of others become text that looks alike, so that nobody can forge a call or a result. */
export function withoutMarkers(text: string): string {
  return text.replace(/<(\/?(?:tool_call|tool_response|tools)>)/g, '&lt;$1');
}

/** Throws `UsageError`, code `bad-tool`, for names that are none, that come twice, and for too many tools. */
export function checkTools(tools: readonly ToolDefinition[]): void {
  const fault = (what: string): UsageError =>
    new UsageError(what, {
      code: 'bad-tool',
      hint: `at most ${MAX_TOOLS} tools, each with a name of its own: letters, digits, _ and -, at most 64`,
    });
  if (tools.length > MAX_TOOLS) throw fault(`There are ${tools.length} tools`);
  const names = new Set<string>();
  for (const { name } of tools) {
    if (typeof name !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(name))
      throw fault(`Cannot use ${JSON.stringify(name)} as the name of a tool`);
    if (names.has(name)) throw fault(`Two tools have the name "${name}"`);
    names.add(name);
  }
}
