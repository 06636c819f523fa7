import type { Context } from 'hono';
import { type GenerateOptions, type Prepared, prepare } from '../../engine/generate.ts';
import { ToolCallParser } from '../../text/tools/tool-call-parser.ts';
import { type AnswerStream, answerStream, answerWhole } from '../answer-stream.ts';
import { badRequest } from '../api-error.ts';
import { type ChoiceEnd, runChoices } from '../choice.ts';
import { type AppEnv, clientOf, type ServerContext } from '../context.ts';
import { askerOf, Lifetime } from '../lifetime.ts';
import { answerFormat } from '../openai/answer-format.ts';
import { type AnswerHead, answerHead, type Usage, usageOf, wireTimings } from '../openai/answers.ts';
import { ChatChoice } from '../openai/chat-choice.ts';
import { type ChatRequest, chatRequest, wantedLogprobs } from '../openai/chat-request.ts';
import {
  checkMinTokens,
  numChoices,
  samplingOptions,
  seedOf,
  tokenLimit,
} from '../openai/sampling-fields.ts';
import { toolsOf } from '../openai/tools.ts';
import { parseRequest, unknownFields } from '../openai/validate.ts';
import { WholeChoice } from '../openai/whole-choice.ts';
import { ignoredParts, receipt, samplingValues } from '../receipt.ts';
import type { RequestRecord } from '../request-record.ts';
import { renderPrompt } from './render-prompt.ts';

/** `POST /v1/chat/completions`. */
export async function chatCompletions(
  c: Context<AppEnv>,
  context: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const { served, settings } = context;
  const request = parseRequest(chatRequest, body, settings.strict);
  served.check(request.model);
  const tools = toolsOf(request);
  const format = answerFormat(request);
  context.checkQueue(clientOf(c));
  const prompt = await renderPrompt(request, served, tools);
  served.checkLength(prompt, 'messages');
  context.checkQueue(clientOf(c));

  const n = numChoices(request, settings.maxChoices);
  if (n > 1 && request.dots?.routing)
    throw badRequest('dots.routing can be shown for one answer at a time', 'dots.routing');
  const seed = seedOf(request);
  const maxTokens = tokenLimit(request.max_completion_tokens, request.max_tokens, request.n_predict);
  checkMinTokens(request, maxTokens);
  const logprobs = wantedLogprobs(request);
  const lifetime = new Lifetime(c.req.raw.signal, context);
  const { rules, prepared } = await lifetime.guard(async () => {
    const rules = await served.rulesFor(tools, format, askerOf(c, lifetime));
    const options: GenerateOptions = {
      ...samplingOptions(request, seed, served.engine.vocabSize),
      client: clientOf(c),
      ...(maxTokens !== undefined && { maxTokens }),
      ...(logprobs !== undefined && { logprobs }),
      ...(request.dots?.routing && { routing: true }),
      ...(rules.constraint && { constraint: rules.constraint }),
      ...(rules.stopBefore && { stopBefore: rules.stopBefore }),
      signal: lifetime.signal,
    };
    const prepared = Array.from({ length: n }, (_, stream) =>
      prepare(served.engine, prompt, { ...options, stream }),
    );
    return { rules, prepared };
  });
  const answer: Answer = {
    request,
    head: answerHead('chatcmpl-', served),
    // A seed beyond 2^53 came from the client, who knows it.
    seed: Number(seed),
    prepared,
    choices: prepared.map((_, index) => {
      const parser = rules.parser && new ToolCallParser(rules.parser);
      return new ChatChoice({ index, served, parser, returnsTokens: request.return_token_ids === true });
    }),
    prompt,
    sampling: samplingValues(request, served.samplingDefaults),
    ignored: request.dots?.receipt ? ignoredParts(unknownFields(chatRequest, body), rules) : [],
  };
  if (request.stream)
    return answerStream(c, context, lifetime, (stream) => streamAnswer(stream, answer), { end: '[DONE]' });
  return c.json(await answerWhole(lifetime, wholeAnswer(answer, c.get('record'))));
}

interface Answer {
  readonly request: ChatRequest;
  readonly head: AnswerHead;
  readonly seed: number;
  readonly prepared: readonly Prepared[];
  readonly choices: readonly ChatChoice[];
  readonly prompt: readonly number[];
  /** For the receipt. */
  readonly sampling: Readonly<Record<string, unknown>>;
  readonly ignored: readonly string[];
}

/** For each choice: the role, then pieces of content, then the reason of its end. Choices come mixed, each with its index. */
async function streamAnswer(stream: AnswerStream, answer: Answer): Promise<void> {
  const { head, request, prompt, choices } = answer;
  const { include_usage: includeUsage, continuous_usage_stats: isContinuous } = request.stream_options ?? {};
  let numTokens = 0;
  const chunk = (choice: readonly unknown[], more?: object): void | Promise<void> =>
    stream.send({
      id: head.id,
      object: 'chat.completion.chunk',
      created: head.created,
      model: head.model,
      system_fingerprint: head.system_fingerprint,
      choices: choice,
      ...(includeUsage && { usage: isContinuous ? usageOf(prompt.length, 0, numTokens) : null }),
      ...more,
    });
  // One token may end a text and begin a call; each goes in a chunk of its own.
  const chunks = (list: readonly unknown[], index: number): void | Promise<void> =>
    list
      .map((choice) => chunk([choice], choices[index].extensions()))
      .findLast((waiting) => waiting !== undefined);
  for (const choice of choices) {
    const isFirst = request.return_token_ids && choice.index === 0;
    await chunk([choice.start()], isFirst ? { prompt_token_ids: prompt } : undefined);
  }
  const ends = await runChoices(answer.prepared, stream.record, (index) => ({
    onPiece: (piece) => {
      if (piece.token !== undefined) numTokens++;
      return chunks(choices[index].push(piece), index);
    },
    onPromptProgress: (done, total) => {
      if (!request.return_progress || index > 0) return undefined;
      return chunk([choices[0].progress()], { prompt_progress: { total, processed: done } });
    },
    onEnd: async (end) => {
      await chunks(choices[index].flush(end), index);
      await chunk([choices[index].finish(end)], lastExtensions(answer, index, end));
    },
  }));
  if (includeUsage) await chunk([], { usage: totalUsage(answer, ends) });
}

async function wholeAnswer(answer: Answer, record: RequestRecord): Promise<object> {
  const { head, request, prompt, choices } = answer;
  const returnsTokens = request.return_token_ids === true;
  const whole = choices.map(({ index }) => new WholeChoice(index, request.logprobs === true));
  const ends = await runChoices(answer.prepared, record, (index) => ({
    onPiece: (piece) => {
      for (const choice of choices[index].push(piece)) whole[index].add(choice);
    },
    onEnd: (end) => {
      for (const choice of choices[index].flush(end)) whole[index].add(choice);
      whole[index].add(choices[index].finish(end));
    },
  }));
  return {
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
    system_fingerprint: head.system_fingerprint,
    choices: whole.map((choice) => choice.result(returnsTokens)),
    usage: totalUsage(answer, ends),
    ...(returnsTokens && { prompt_token_ids: prompt }),
    ...lastExtensions(answer, 0, ends[0]),
  };
}

/** What goes with the end of an answer: its seed, times, and what was requested. */
function lastExtensions(answer: Answer, index: number, end: ChoiceEnd): object {
  const { request, head, seed, prompt, choices, sampling, ignored } = answer;
  const facts = {
    fingerprint: head.system_fingerprint,
    seed,
    stream: index,
    prompt,
    tokens: choices[index].tokens,
    end,
    sampling,
    ignored,
  };
  return {
    ...(index === 0 && { timings: wireTimings(end.timings, end.cachedTokens) }),
    dots: {
      seed,
      ...choices[index].extensions()?.dots,
      ...(request.dots?.receipt && { receipt: receipt(facts) }),
    },
  };
}

function totalUsage(answer: Answer, ends: readonly ChoiceEnd[]): Usage {
  const completion = ends.reduce((sum, end) => sum + end.completionTokens, 0);
  return usageOf(answer.prompt.length, ends[0].cachedTokens, completion);
}
