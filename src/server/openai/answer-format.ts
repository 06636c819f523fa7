import { z } from 'zod';
import type { TextSpec } from '../../engine/constraint/compile-constraint.ts';
import { badRequest } from '../api-error.ts';
import { field, ignored, optional, refused } from './validate.ts';

export const schema = z.union([z.record(z.string(), z.unknown()), z.boolean()]);

const structuredOutputs = {
  json: optional(z.union([schema, z.string()])),
  json_object: optional(z.boolean()),
  regex: optional(z.string()),
  choice: optional(z.array(z.string())),
  grammar: optional(z.string()),
} as const;

const strict = ignored('every schema is enforced');

/** What an answer has to look like: OpenAI's field, and those of vLLM (newer and older), SGLang and llama-server. */
export const answerFormatFields = {
  response_format: field(
    optional(
      z.discriminatedUnion(
        'type',
        [
          z.object({ type: z.literal('text') }),
          z.object({ type: z.literal('json_object'), schema: optional(schema) }),
          z.object({
            type: z.literal('json_schema'),
            json_schema: optional(
              z.object({
                name: optional(z.string()),
                description: optional(z.string()),
                schema: optional(schema),
                strict,
              }),
            ),
            schema: optional(schema),
          }),
        ],
        { error: 'the type must be text, json_object or json_schema' },
      ),
    ),
    '`text`, `json_object`, `json_schema`; the schema may also be in `.schema`; with `tools`, of an answer without calls',
  ),
  structured_outputs: field(
    optional(
      z.object({
        ...structuredOutputs,
        structural_tag: refused('give a JSON schema, a regex, a grammar or choices'),
        disable_any_whitespace: refused(
          'white space is bounded, see docs/structured-output.md',
          (value) => value === false,
        ),
        disable_fallback: ignored('there is no fallback'),
        disable_additional_properties: ignored('the default'),
        whitespace_pattern: refused('white space is bounded, see docs/structured-output.md'),
      }),
    ),
    '`json`, `json_object`, `regex`, `choice` or `grammar`; see [structured output](structured-output.md)',
  ),
  guided_json: field(structuredOutputs.json, 'as `structured_outputs.json`'),
  json_schema: field(structuredOutputs.json, 'as `structured_outputs.json`'),
  guided_regex: field(structuredOutputs.regex, 'as `structured_outputs.regex`'),
  regex: field(structuredOutputs.regex, 'as `structured_outputs.regex`'),
  guided_choice: field(structuredOutputs.choice, 'as `structured_outputs.choice`'),
  guided_grammar: field(structuredOutputs.grammar, 'grammar in llama.cpp’s GBNF'),
  grammar: field(structuredOutputs.grammar, 'grammar in llama.cpp’s GBNF'),
  ebnf: field(structuredOutputs.grammar, 'grammar in llama.cpp’s GBNF'),
  guided_decoding_backend: ignored('there is one'),
  guided_whitespace_pattern: refused('white space is bounded, see docs/structured-output.md'),
  grammar_triggers: refused('tools start their own grammar', (value) => JSON.stringify(value) === '[]'),
  grammar_lazy: refused('tools start their own grammar', (value) => value === false),
} as const;

export type AnswerFormatRequest = Partial<z.output<z.ZodObject<typeof answerFormatFields>>>;

/** What an answer without calls has to look like, and the field of the request that says so. */
export interface TextFormat {
  readonly spec: TextSpec;
  readonly param: string;
}

/** The format of the answer, or undefined for free text. Throws 400 for several at once and for what can't be kept. */
export function answerFormat(request: AnswerFormatRequest): TextFormat | undefined {
  const wishes = [...responseFormat(request), ...extensions(request)];
  if (wishes.length > 1)
    throw badRequest(`${wishes[1].param} and ${wishes[0].param} cannot hold together`, wishes[1].param);
  return wishes[0];
}

function responseFormat({ response_format: format }: AnswerFormatRequest): TextFormat[] {
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

function extensions(request: AnswerFormatRequest): TextFormat[] {
  const { structured_outputs: outputs } = request;
  const wishes: TextFormat[] = [];
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
