import type { Context } from 'hono';
import { type GenerateOptions, type Prepared, prepare } from '../../engine/generate.ts';
import { DEFAULT_SYSTEM_PROMPT, renderChat } from '../../text/render-chat.ts';
import { type AnswerStream, answerStream, answerWhole } from '../answer-stream.ts';
import { type ChoiceEnd, runChoice } from '../choice.ts';
import type { AppEnv, ServerContext } from '../context.ts';
import { randomSeed, uniqueId } from '../ids.ts';
import { Lifetime } from '../lifetime.ts';
import { type AnswerHead, usageOf, wireTimings } from '../openai/answers.ts';
import { type ChatRequest, chatRequest } from '../openai/chat-request.ts';
import { chatMessages } from '../openai/messages.ts';
import { numChoices, samplingOptions } from '../openai/sampling-fields.ts';
import { parseRequest } from '../openai/validate.ts';
import type { RequestRecord } from '../request-record.ts';

/** `POST /v1/chat/completions`. */
export async function chatCompletions(
  c: Context<AppEnv>,
  context: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const { served, settings } = context;
  const request = parseRequest(chatRequest, body, settings.strict);
  served.check(request.model);
  const prompt = renderPrompt(request, context);
  served.checkLength(prompt, 'messages');

  const seed = request.seed ?? randomSeed();
  const lifetime = new Lifetime(c.req.raw.signal, context);
  const options: GenerateOptions = {
    ...samplingOptions(request, seed),
    ...maxTokens(request),
    signal: lifetime.signal,
  };
  const choices = lifetime.guard(() =>
    Array.from({ length: numChoices(request, settings.maxChoices) }, (_, i) =>
      prepare(served.engine, prompt, { ...options, seed: seed + i }),
    ),
  );
  const head: AnswerHead = {
    id: uniqueId('chatcmpl-'),
    created: Math.floor(Date.now() / 1000),
    model: served.name,
    system_fingerprint: served.fingerprint,
  };
  const answer = { request, head, seed, choices, numPromptTokens: prompt.length };
  if (request.stream)
    return answerStream(c, context, lifetime, (stream) => streamAnswer(stream, answer), { end: '[DONE]' });
  return c.json(await answerWhole(lifetime, wholeAnswer(answer, c.get('record'))));
}

interface Answer {
  readonly request: ChatRequest;
  readonly head: AnswerHead;
  readonly seed: number;
  readonly choices: readonly Prepared[];
  readonly numPromptTokens: number;
}

function renderPrompt(request: ChatRequest, { served }: ServerContext): number[] {
  const { tokenizer, engine } = served;
  return Array.from(
    renderChat(engine.files.chatTemplate, chatMessages(request.messages), tokenizer, {
      defaultSystemPrompt: DEFAULT_SYSTEM_PROMPT,
      ...(request.add_generation_prompt !== undefined && {
        addGenerationPrompt: request.add_generation_prompt,
      }),
      ...(request.continue_final_message && { continueFinalMessage: true }),
    }),
  );
}

function maxTokens(request: ChatRequest): { readonly maxTokens?: number } {
  const wanted = request.max_completion_tokens ?? request.max_tokens;
  return wanted === undefined ? {} : { maxTokens: wanted };
}

/** Role, then pieces of content, then the reason of the end; for several choices mixed, each with its index. */
async function streamAnswer(stream: AnswerStream, answer: Answer): Promise<void> {
  const { head, request } = answer;
  const includeUsage = request.stream_options?.include_usage === true;
  const chunk = (choices: readonly unknown[], more: object = {}): void | Promise<void> =>
    stream.send({
      id: head.id,
      object: 'chat.completion.chunk',
      created: head.created,
      model: head.model,
      system_fingerprint: head.system_fingerprint,
      choices,
      ...(includeUsage && { usage: null }),
      ...more,
    });
  const delta = (index: number, value: object, finishReason: string | null = null): object => ({
    index,
    delta: value,
    logprobs: null,
    finish_reason: finishReason,
  });
  for (const index of answer.choices.keys()) await chunk([delta(index, { role: 'assistant', content: '' })]);
  const ends = await Promise.all(
    answer.choices.map(async (prepared, index) => {
      const end = await runChoice(prepared, stream.record, {
        onText: (text) => (text === '' ? undefined : chunk([delta(index, { content: text })])),
      });
      await chunk([delta(index, {}, end.reason)], {
        dots: { seed: answer.seed },
        ...(index === 0 && { timings: wireTimings(end.timings, end.cachedTokens) }),
      });
      return end;
    }),
  );
  if (includeUsage) await chunk([], { usage: totalUsage(answer, ends) });
}

async function wholeAnswer(answer: Answer, record: RequestRecord): Promise<object> {
  const { head } = answer;
  const texts = answer.choices.map(() => '');
  const ends = await Promise.all(
    answer.choices.map((prepared, index) =>
      runChoice(prepared, record, {
        onText: (text) => {
          texts[index] += text;
        },
      }),
    ),
  );
  return {
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
    system_fingerprint: head.system_fingerprint,
    choices: ends.map((end, index) => ({
      index,
      message: { role: 'assistant', content: texts[index], refusal: null },
      logprobs: null,
      finish_reason: end.reason,
    })),
    usage: totalUsage(answer, ends),
    timings: wireTimings(ends[0].timings, ends[0].cachedTokens),
    dots: { seed: answer.seed },
  };
}

function totalUsage(answer: Answer, ends: readonly ChoiceEnd[]): object {
  const completion = ends.reduce((sum, end) => sum + end.completionTokens, 0);
  return usageOf(answer.numPromptTokens, ends[0].cachedTokens, completion);
}
