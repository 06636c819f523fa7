/** How calls of tools look in text. */
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

export type ToolFormatName = 'tagged' | 'json';

export interface ToolFormat {
  /** Begins every call; what begins so is one. */
  readonly open: string;
  /** Ends a call, after the arguments. */
  readonly close: string;
  /** Between calls of one answer; undefined where a call is the whole answer. */
  readonly separator: string | undefined;
  /** The text between `open` and the arguments; its group is the name. */
  readonly head: RegExp;
  /** The text before and after the arguments, including the markers. */
  frame(name: string): { readonly before: string; readonly behind: string };
}

const TAG = '<tool_call>';
const END_TAG = '</tool_call>';

/** JSON between tags that are text, not control tokens: Qwen, Hermes, and every model whose template knows no tools. */
const TAGGED: ToolFormat = {
  open: TAG,
  close: END_TAG,
  separator: '\n',
  head: /^\s*\{\s*"name"\s*:\s*"([A-Za-z0-9_-]{1,64})"\s*,\s*"arguments"\s*:\s*(?=\{)/,
  frame: (name) => ({ before: `${TAG}\n{"name": "${name}", "arguments": `, behind: `}\n${END_TAG}` }),
};

/** A JSON object that is all of the answer: Llama 3.1 and later. */
const JSON_ANSWER: ToolFormat = {
  open: '{"name": "',
  close: '}',
  separator: undefined,
  head: /^([A-Za-z0-9_-]{1,64})"\s*,\s*"parameters"\s*:\s*(?=\{)/,
  frame: (name) => ({ before: `{"name": "${name}", "parameters": `, behind: '}' }),
};

export const TOOL_FORMATS: Readonly<Record<ToolFormatName, ToolFormat>> = {
  tagged: TAGGED,
  json: JSON_ANSWER,
};

const RESULT_OPEN = '<tool_response>';
const RESULT_CLOSE = '</tool_response>';
const LIST_OPEN = '<tools>';
const LIST_CLOSE = '</tools>';
const MAX_TOOLS = 128;

/** A tagged call. */
export function callText({ name, arguments: args }: Pick<ToolCall, 'name' | 'arguments'>): string {
  const { before, behind } = TAGGED.frame(name);
  return before + args + behind;
}

export function resultText(content: string): string {
  return `${RESULT_OPEN}\n${content}\n${RESULT_CLOSE}`;
}

/** The block of the system turn that describes tools to a model whose template doesn't. */
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
    `To call a function, write its name and its arguments as JSON between ${TAG} and ${END_TAG}:`,
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
