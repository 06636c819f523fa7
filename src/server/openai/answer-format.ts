import { z } from 'zod';
import type { ConstraintSpec } from '../../engine/constraint/compile-constraint.ts';
import { badRequest } from '../api-error.ts';
import type { Tools } from './tools.ts';
import { optional } from './validate.ts';

const schema = z.union([z.record(z.string(), z.unknown()), z.boolean()]);

const structuredOutputs = {
  json: optional(z.union([schema, z.string()])),
  json_object: optional(z.boolean()),
  regex: optional(z.string()),
  choice: optional(z.array(z.string())),
  grammar: optional(z.string()),
  structural_tag: optional(z.unknown()),
} as const;

/** What an answer has to look like: OpenAI's field, and those of vLLM (newer and older), SGLang and llama-server. */
export const answerFormatFields = {
  response_format: optional(
    z.discriminatedUnion(
      'type',
      [
        z.object({ type: z.literal('text') }),
        z.object({ type: z.literal('json_object'), schema: optional(schema) }),
        z.object({
          type: z.literal('json_schema'),
          json_schema: optional(
            z.object({ name: optional(z.string()), schema: optional(schema), strict: optional(z.boolean()) }),
          ),
          schema: optional(schema),
        }),
      ],
      { error: 'the type must be text, json_object or json_schema' },
    ),
  ),
  structured_outputs: optional(z.object(structuredOutputs)),
  guided_json: structuredOutputs.json,
  guided_regex: structuredOutputs.regex,
  guided_choice: structuredOutputs.choice,
  guided_grammar: structuredOutputs.grammar,
  regex: structuredOutputs.regex,
  json_schema: structuredOutputs.json,
  grammar: structuredOutputs.grammar,
  ebnf: structuredOutputs.grammar,
} as const;

export type AnswerFormatRequest = Partial<z.output<z.ZodObject<typeof answerFormatFields>>>;

/** A constraint and the field of the request that asks for it. */
export interface WantedFormat {
  readonly spec: ConstraintSpec;
  readonly param: string;
}

/** What the answer has to look like, or undefined for free text. Throws 400 for several wishes and for what can't be kept. */
export function answerFormat(request: AnswerFormatRequest, tools?: Tools): WantedFormat | undefined {
  const wishes = [...responseFormat(request), ...extensions(request)];
  if (wishes.length > 1)
    throw badRequest(`${wishes[1].param} and ${wishes[0].param} cannot hold together`, wishes[1].param);
  if (tools && (tools.choice !== 'none' || wishes.length === 0)) {
    if (wishes.length > 0) {
      const { param } = wishes[0];
      throw badRequest(`${param} and calls of tools exclude each other; set tool_choice to "none"`, param);
    }
    const { definitions, choice, parallel } = tools;
    return { spec: { type: 'tools', tools: definitions, choice, parallel }, param: 'tools' };
  }
  return wishes[0];
}

function responseFormat({ response_format: format }: AnswerFormatRequest): WantedFormat[] {
  if (format === undefined || format.type === 'text') return [];
  if (format.type === 'json_object') {
    const param = 'response_format.schema';
    if (format.schema !== undefined) return [{ spec: { type: 'json-schema', schema: format.schema }, param }];
    return [{ spec: { type: 'json-object' }, param: 'response_format' }];
  }
  const wanted = format.json_schema?.schema ?? format.schema;
  const param = 'response_format.json_schema.schema';
  if (wanted === undefined) throw badRequest(`${param} is missing`, param);
  return [{ spec: { type: 'json-schema', schema: wanted }, param }];
}

function extensions(request: AnswerFormatRequest): WantedFormat[] {
  const { structured_outputs: outputs } = request;
  const wishes: WantedFormat[] = [];
  const json = (value: unknown, param: string): void => {
    if (value !== undefined)
      wishes.push({ spec: { type: 'json-schema', schema: parsed(value, param) }, param });
  };
  const regex = (pattern: string | undefined, param: string): void => {
    if (pattern !== undefined) wishes.push({ spec: { type: 'regex', pattern }, param });
  };
  const choice = (choices: readonly string[] | undefined, param: string): void => {
    if (choices !== undefined) wishes.push({ spec: { type: 'choice', choices }, param });
  };
  const grammar = (gbnf: string | undefined, param: string): void => {
    // Clients of llama-server send an empty one for none.
    if (gbnf !== undefined && gbnf !== '') wishes.push({ spec: { type: 'grammar', gbnf }, param });
  };
  json(outputs?.json, 'structured_outputs.json');
  if (outputs?.json_object)
    wishes.push({ spec: { type: 'json-object' }, param: 'structured_outputs.json_object' });
  regex(outputs?.regex, 'structured_outputs.regex');
  choice(outputs?.choice, 'structured_outputs.choice');
  json(request.guided_json, 'guided_json');
  regex(request.guided_regex, 'guided_regex');
  choice(request.guided_choice, 'guided_choice');
  json(request.json_schema, 'json_schema');
  regex(request.regex, 'regex');
  grammar(outputs?.grammar, 'structured_outputs.grammar');
  grammar(request.guided_grammar, 'guided_grammar');
  grammar(request.grammar, 'grammar');
  grammar(request.ebnf, 'ebnf');
  if (outputs?.structural_tag !== undefined) {
    const param = 'structured_outputs.structural_tag';
    throw badRequest(`${param}: give a JSON schema, a regex, a grammar or choices instead`, param);
  }
  return wishes;
}

/** vLLM takes schemas as text too. */
function parsed(value: unknown, param: string): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch (error) {
    throw badRequest(`${param}: ${(error as Error).message}`, param);
  }
}
