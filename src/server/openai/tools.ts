import { z } from 'zod';
import type { ToolChoice } from '../../engine/constraint/tool-grammar.ts';
import type { ToolDefinition } from '../../text/tools/tool-format.ts';
import { badRequest } from '../api-error.ts';
import { optional } from './validate.ts';

const MAX_TOOLS = 128;

const toolDefinition = z.object({
  type: z.literal('function', { error: 'only tools of type "function" are possible' }),
  function: z.object({
    name: z.string(),
    description: optional(z.string()),
    parameters: optional(z.record(z.string(), z.unknown())),
    strict: optional(z.boolean()),
  }),
});

export const toolFields = {
  tools: optional(z.array(toolDefinition).max(MAX_TOOLS)),
  tool_choice: optional(
    z.union(
      [
        z.enum(['none', 'auto', 'required']),
        z.object({ type: z.literal('function'), function: z.object({ name: z.string() }) }),
      ],
      { error: 'must be "none", "auto", "required" or {"type": "function", "function": {"name": …}}' },
    ),
  ),
  parallel_tool_calls: optional(z.boolean()),
} as const;

export type ToolRequest = z.output<z.ZodObject<typeof toolFields>>;

export interface Tools {
  readonly definitions: readonly ToolDefinition[];
  readonly choice: ToolChoice;
  readonly parallel: boolean;
}

/** The tools of a request, or undefined if there are none. Throws 400 for a choice without tools. */
export function toolsOf(request: ToolRequest): Tools | undefined {
  const { tools = [], tool_choice: choice } = request;
  if (tools.length === 0) {
    if (choice === undefined || choice === 'none' || choice === 'auto') return undefined;
    throw badRequest('tool_choice: there are no tools to choose from', 'tool_choice');
  }
  return {
    definitions: tools.map(({ function: { name, description, parameters } }) => ({
      name,
      ...(description !== undefined && { description }),
      ...(parameters !== undefined && { parameters }),
    })),
    choice: typeof choice === 'object' ? { name: choice.function.name } : (choice ?? 'auto'),
    parallel: request.parallel_tool_calls ?? true,
  };
}
