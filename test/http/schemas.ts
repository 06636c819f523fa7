/**
 * JSON schemas of answers, after OpenAI's published description of its API (version 2.3.0): which fields there must be, and
 * of which kind they are. Other fields are allowed, as the description allows them.
 */
import { Ajv } from 'ajv';

const string = { type: 'string' };
const integer = { type: 'integer' };
const number = { type: 'number' };
const nullable = (schema: object): object => ({ anyOf: [schema, { type: 'null' }] });
const array = (items: object): object => ({ type: 'array', items });
const object = (required: Record<string, object>, optional: Record<string, object> = {}): object => ({
  type: 'object',
  properties: { ...required, ...optional },
  required: Object.keys(required),
});

const tokenLogprob = { token: string, logprob: number, bytes: nullable(array(integer)) };
const chatLogprobs = nullable(
  object({
    content: nullable(array(object({ ...tokenLogprob, top_logprobs: array(object(tokenLogprob)) }))),
    refusal: nullable(array({})),
  }),
);
const finishReason = { enum: ['stop', 'length', 'tool_calls', 'content_filter', 'function_call'] };
const usage = object(
  { prompt_tokens: integer, completion_tokens: integer, total_tokens: integer },
  {
    prompt_tokens_details: object({}, { cached_tokens: integer }),
    completion_tokens_details: object({}, { reasoning_tokens: integer }),
  },
);
const toolCall = object({
  id: string,
  type: { const: 'function' },
  function: object({ name: string, arguments: string }),
});

export const SCHEMAS = {
  chatCompletion: object(
    {
      id: string,
      object: { const: 'chat.completion' },
      created: integer,
      model: string,
      choices: {
        ...array(
          object({
            index: integer,
            finish_reason: finishReason,
            logprobs: chatLogprobs,
            message: object(
              { role: { const: 'assistant' }, content: nullable(string), refusal: nullable(string) },
              { tool_calls: { ...array(toolCall), minItems: 1 } },
            ),
          }),
        ),
        minItems: 1,
      },
    },
    { usage, system_fingerprint: string },
  ),
  chatChunk: object(
    {
      id: string,
      object: { const: 'chat.completion.chunk' },
      created: integer,
      model: string,
      choices: array(
        object(
          {
            index: integer,
            finish_reason: nullable(finishReason),
            delta: object(
              {},
              {
                role: { enum: ['assistant'] },
                content: nullable(string),
                refusal: nullable(string),
                tool_calls: array(
                  object(
                    { index: integer },
                    {
                      id: string,
                      type: { const: 'function' },
                      function: object({}, { name: string, arguments: string }),
                    },
                  ),
                ),
              },
            ),
          },
          { logprobs: chatLogprobs },
        ),
      ),
    },
    { usage: nullable(usage), system_fingerprint: string },
  ),
  completion: object(
    {
      id: string,
      object: { const: 'text_completion' },
      created: integer,
      model: string,
      choices: array(
        object({
          index: integer,
          text: string,
          finish_reason: nullable({ enum: ['stop', 'length', 'content_filter'] }),
          logprobs: nullable(
            object(
              {},
              {
                tokens: array(string),
                token_logprobs: array(nullable(number)),
                top_logprobs: array(nullable({ type: 'object', additionalProperties: number })),
                text_offset: array(integer),
              },
            ),
          ),
        }),
      ),
    },
    { usage: nullable(usage), system_fingerprint: string },
  ),
  modelList: object({
    object: { const: 'list' },
    data: array(object({ id: string, object: { const: 'model' }, created: integer, owned_by: string })),
  }),
  error: object({
    error: object({ message: string, type: string, param: nullable(string), code: nullable(string) }),
  }),
} as const;

const ajv = new Ajv({ strict: true, strictRequired: false });
const validators = new Map(Object.entries(SCHEMAS).map(([name, schema]) => [name, ajv.compile(schema)]));

/** What is wrong with a body, or undefined. */
export function schemaErrors(name: keyof typeof SCHEMAS, body: unknown): string | undefined {
  const validate = validators.get(name);
  if (!validate) throw new Error(`there is no schema ${name}`);
  return validate(body) ? undefined : ajv.errorsText(validate.errors);
}
