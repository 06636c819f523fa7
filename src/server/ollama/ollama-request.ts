import { z } from 'zod';
import type { GenerateOptions } from '../../engine/generate.ts';
import type { ToolChatMessage } from '../../text/tools/tool-messages.ts';
import { randomSeed, uniqueId } from '../ids.ts';
import type { TextFormat } from '../openai/answer-format.ts';
import { chooseTools, MAX_TOOLS, type Tools } from '../openai/tools.ts';
import { field, ignored, oneOf, optional, refused } from '../openai/validate.ts';

const number = (least: number, most: number) => optional(z.number().min(least).max(most));

/** Ollama's names of the sampling options. Those of its loader, and of samplers that there are not, have no effect here. */
const options = z.object({
  temperature: field(number(0, 2), '0 is greedy'),
  top_k: field(optional(z.int().min(-1)), '0 and −1 keep all'),
  top_p: field(number(0, 1), '0 keeps the most likely token'),
  min_p: field(number(0, 1), 'share of the most likely token’s probability'),
  repeat_penalty: field(optional(z.number().gt(0).max(1e6)), 'for tokens of prompt and answer'),
  presence_penalty: field(number(-2, 2), 'for tokens of the answer'),
  frequency_penalty: field(number(-2, 2), 'for tokens of the answer'),
  seed: field(optional(z.int()), '−1 draws one at random'),
  num_predict: field(optional(z.int().min(-2)), 'token limit; −1 and −2: none'),
  stop: field(optional(z.union([z.string(), z.array(z.string()).max(16)])), 'up to 16 strings'),
  num_ctx: ignored('the context is set when the server starts'),
  num_keep: ignored('a full context is an error; nothing is shifted'),
  num_batch: ignored('an option of the server'),
  num_gpu: ignored('an option of the server'),
  num_thread: ignored('an option of the server'),
  main_gpu: ignored('an option of the server'),
  low_vram: ignored('an option of the server'),
  use_mmap: ignored('weights are always mapped'),
  use_mlock: ignored('an option of the system'),
  numa: ignored('an option of the system'),
  repeat_last_n: refused('the repetition penalty is about all tokens (-1)', oneOf(-1)),
  typical_p: refused('use top_p or min_p', oneOf(1)),
  tfs_z: refused('use min_p', oneOf(1)),
  mirostat: refused('use top_p or min_p', oneOf(0)),
});

const common = {
  model: field(optional(z.string()), 'name of the served model or an alias, with or without :latest'),
  stream: field(optional(z.boolean()), 'lines of JSON; default true'),
  options: field(optional(options), 'sampling options'),
  format: field(
    optional(z.union([z.literal(['', 'json']), z.record(z.string(), z.unknown())])),
    '`json`, or a JSON schema',
  ),
  keep_alive: ignored('the model stays loaded'),
  think: refused('this model does not think', oneOf(false)),
  logprobs: refused('use /v1/chat/completions', oneOf(false)),
  top_logprobs: refused('use /v1/chat/completions', oneOf(0)),
} as const;

const noImages = refused('this model reads text only', oneOf([]));
const name = z.string();

const message = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: optional(z.string()),
  images: noImages,
  thinking: ignored('not read'),
  tool_calls: optional(
    z
      .array(
        z.object({
          id: optional(z.string()),
          function: z.object({ name, arguments: optional(z.record(z.string(), z.unknown())) }),
        }),
      )
      .max(MAX_TOOLS),
  ),
  tool_name: ignored('results follow their calls in order'),
  tool_call_id: optional(z.string()),
});

export const ollamaEmbedRequest = z.object({
  model: common.model,
  input: field(optional(z.union([z.string(), z.array(z.string()).max(2048)])), 'one text or several'),
  truncate: field(
    optional(z.boolean()),
    'without it an input that does not fit into the context is cut at its end; `false`: 400',
  ),
  dimensions: refused('vectors are as wide as the model'),
  options: ignored('there is nothing to sample'),
  keep_alive: ignored('the model stays loaded'),
});

export const ollamaChatRequest = z.object({
  ...common,
  messages: field(optional(z.array(message).max(1000)), 'none: is the model loaded?'),
  tools: field(
    optional(
      z
        .array(
          z.object({
            type: z.literal('function'),
            function: z.object({
              name,
              description: optional(z.string()),
              parameters: optional(z.record(z.string(), z.unknown())),
            }),
          }),
        )
        .max(MAX_TOOLS),
    ),
    'functions',
  ),
});

export const ollamaGenerateRequest = z.object({
  ...common,
  prompt: field(optional(z.string()), 'none: is the model loaded?'),
  system: field(optional(z.string()), 'system message'),
  raw: field(optional(z.boolean()), 'the prompt is not rendered by the chat template'),
  template: refused('the template is the model’s', oneOf('')),
  suffix: refused('this model cannot fill in the middle', oneOf('')),
  context: refused('send the conversation to /api/chat', oneOf([])),
  images: noImages,
});

export const ollamaShowRequest = z.object({
  model: optional(z.string()),
  name: optional(z.string()),
  verbose: ignored('everything is shown'),
});

export type OllamaChatRequest = z.output<typeof ollamaChatRequest>;
export type OllamaGenerateRequest = z.output<typeof ollamaGenerateRequest>;

export function ollamaTools({ tools = [] }: OllamaChatRequest): Tools | undefined {
  return chooseTools({ tools: tools.map((tool) => tool.function), choice: undefined, parallel: true });
}

export function ollamaFormat({ format }: OllamaChatRequest | OllamaGenerateRequest): TextFormat | undefined {
  if (format === undefined || format === '') return undefined;
  return {
    spec: format === 'json' ? { type: 'json-object' } : { type: 'json-schema', schema: format },
    param: 'format',
  };
}

/** Calls have no ids in this API: results belong to the calls in order. */
export function ollamaMessages({ messages = [] }: OllamaChatRequest): ToolChatMessage[] {
  const waiting: string[] = [];
  return messages.map(({ role, content = '', tool_calls, tool_call_id }) => {
    if (role === 'tool') {
      const next = waiting.shift();
      return { role, content, toolCallId: tool_call_id ?? next ?? uniqueId('call_') };
    }
    if (role !== 'assistant' || !tool_calls?.length) return { role, content };
    const toolCalls = tool_calls.map(({ id, function: { name, arguments: values } }) => ({
      id: id ?? uniqueId('call_'),
      name,
      arguments: JSON.stringify(values ?? {}),
    }));
    waiting.push(...toolCalls.map((call) => call.id));
    return { role, content, toolCalls };
  });
}

export function ollamaOptions({ options }: OllamaChatRequest | OllamaGenerateRequest): GenerateOptions {
  const wanted: Partial<NonNullable<typeof options>> = options ?? {};
  const { temperature, top_k, top_p, min_p, repeat_penalty, presence_penalty, frequency_penalty } = wanted;
  const { seed, num_predict, stop } = wanted;
  const isGreedy = top_p === 0;
  return {
    seed: seed === undefined || seed < 0 ? randomSeed() : seed,
    ...(temperature !== undefined && { temperature }),
    ...(top_k !== undefined && { topK: top_k }),
    ...(top_p !== undefined && !isGreedy && { topP: top_p }),
    ...(isGreedy && { topK: 1 }),
    ...(min_p !== undefined && { minP: min_p }),
    ...(repeat_penalty !== undefined && { repetitionPenalty: repeat_penalty }),
    ...(presence_penalty !== undefined && { presencePenalty: presence_penalty }),
    ...(frequency_penalty !== undefined && { frequencyPenalty: frequency_penalty }),
    ...(num_predict !== undefined && num_predict > 0 && { maxTokens: num_predict }),
    ...(stop !== undefined && { stop: typeof stop === 'string' ? [stop] : stop }),
  };
}
