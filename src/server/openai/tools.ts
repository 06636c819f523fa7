import { z } from 'zod';
import { mayAnswerText, type ToolChoice } from '../../engine/constraint/tool-grammar.ts';
import type { ToolDefinition } from '../../text/tools/tool-format.ts';
import { badRequest } from '../api-error.ts';
import { field, ignored, optional, refused } from './validate.ts';

export const MAX_TOOLS = 128;

const functionTool = z.object({
  type: z.literal('function'),
  function: z.object({
    name: z.string(),
    description: optional(z.string()),
    parameters: optional(z.record(z.string(), z.unknown())),
    strict: ignored('every schema is enforced'),
  }),
  cache_control: ignored('every prefix is cached'),
});

/** Tools that a server runs itself, or that take free text. A model without them answers all the same. */
export const otherTool = z.looseObject({
  type: z
    .string()
    .refine((type) => type !== 'function', { error: 'a function needs its definition', abort: true }),
});

/** The `tools` of a request whose API writes functions in this way. */
export function toolList<F extends z.ZodType>(functionTool: F) {
  return field(
    optional(z.array(z.union([functionTool, otherTool])).max(MAX_TOOLS)),
    'functions; arguments always match the schema; tools of other types are left out, which `dots.receipt` reports',
  );
}

const chosen = z.looseObject({ type: z.string(), function: optional(z.object({ name: z.string() })) });

export const toolFields = {
  tools: toolList(functionTool),
  tool_choice: field(
    optional(
      z.union(
        [
          z.enum(['none', 'auto', 'required']),
          z.object({ type: z.literal('function'), function: z.object({ name: z.string() }) }),
          z.object({
            type: z.literal('allowed_tools'),
            allowed_tools: z.object({ mode: z.enum(['auto', 'required']), tools: z.array(chosen) }),
          }),
        ],
        {
          error:
            'must be "none", "auto", "required", {"type": "function", "function": {"name": …}} ' +
            'or {"type": "allowed_tools", "allowed_tools": {"mode": …, "tools": […]}}',
        },
      ),
    ),
    '`none`, `auto`, `required`, a function, or `allowed_tools`',
  ),
  parallel_tool_calls: field(
    optional(z.boolean()),
    'several calls in an answer; default true; a `tool_choice` that names a function allows one',
  ),
  functions: refused('use tools', (value) => JSON.stringify(value) === '[]'),
  function_call: refused('use tool_choice', (value) => value === 'none' || value === 'auto'),
} as const;

export type ToolRequest = z.output<z.ZodObject<typeof toolFields>>;

export interface Tools {
  readonly definitions: readonly ToolDefinition[];
  readonly choice: ToolChoice;
  readonly parallel: boolean;
  /** Tools of the request that the model does not have, for the receipt. */
  readonly skipped: readonly string[];
}

/** The tools of a request, or undefined if there are none. Throws 400 for a choice without tools. */
export function toolsOf(request: ToolRequest): Tools | undefined {
  const { tools = [], tool_choice: choice } = request;
  return chooseTools({
    tools: tools.map((tool) =>
      'function' in tool && tool.type === 'function' ? (tool.function as WireFunction) : skippedTool(tool),
    ),
    choice: typeof choice !== 'object' ? choice : wireChoice(choice),
    parallel: allowsSeveralCalls(request),
  });
}

/** Both OpenAI APIs: a choice that names one function means exactly one call of it, whatever `parallel_tool_calls` says. */
export function allowsSeveralCalls(request: {
  readonly tool_choice?: string | { readonly type: string } | undefined;
  readonly parallel_tool_calls?: boolean | undefined;
}): boolean {
  const { tool_choice: choice, parallel_tool_calls: parallel = true } = request;
  return parallel && !(typeof choice === 'object' && choice.type === 'function');
}

function wireChoice(choice: Exclude<ToolRequest['tool_choice'], string | undefined>): ToolChoice {
  if (choice.type === 'function') return { name: choice.function.name };
  const { mode, tools } = choice.allowed_tools;
  return { mode, names: tools.flatMap((tool) => tool.function?.name ?? []) };
}

/** A function as all APIs describe it, by whatever names. */
export interface WireFunction {
  readonly name: string;
  readonly description?: string | undefined;
  readonly parameters?: unknown;
}

/** Stands for a tool that the model does not have. */
export interface SkippedTool {
  readonly skipped: string;
}

export function skippedTool({ type }: { readonly type: string }): SkippedTool {
  return { skipped: type };
}

/** Definitions and choice, by the same rules for all APIs. */
export function chooseTools(request: {
  readonly tools: readonly (WireFunction | SkippedTool)[];
  readonly choice: ToolChoice | undefined;
  readonly parallel: boolean;
}): Tools | undefined {
  const { tools, choice = 'auto', parallel } = request;
  const functions = tools.flatMap((tool) => ('skipped' in tool ? [] : [tool]));
  const skipped = tools.flatMap((tool, i) =>
    'skipped' in tool ? [`tools[${i}]: type ${JSON.stringify(tool.skipped)}`] : [],
  );
  const usable = typeof choice === 'object' && 'mode' in choice && choice.names.length === 0 ? [] : functions;
  if (usable.length === 0 && choice !== 'none' && !mayAnswerText(choice))
    throw badRequest('tool_choice: there are no functions to choose from', 'tool_choice');
  if (functions.length === 0 && skipped.length === 0) return undefined;
  return {
    definitions: functions.map(({ name, description, parameters }) => ({
      name,
      ...(description !== undefined && { description }),
      ...(parameters !== undefined && parameters !== null && { parameters }),
    })),
    choice: usable.length === 0 ? 'none' : choice,
    parallel,
    skipped,
  };
}
