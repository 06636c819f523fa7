import type { Context } from 'hono';
import { type GenerateOptions, type Prepared, prepare } from '../../engine/generate.ts';
import { type AnswerStream, answerStream, answerWhole } from '../answer-stream.ts';
import { badRequest } from '../api-error.ts';
import { type ChoiceEnd, runChoices } from '../choice.ts';
import { type AppEnv, clientOf, type ServerContext } from '../context.ts';
import { askerOf, Lifetime } from '../lifetime.ts';
import { answerFormat } from '../openai/answer-format.ts';
import { type AnswerHead, answerHead, type Usage, usageOf, wireTimings } from '../openai/answers.ts';
import { CompletionChoice, joinChoices, type TextChoice } from '../openai/completion-choice.ts';
import {
  type CompletionRequest,
  completionRequest,
  MAX_PROMPTS,
  maxTokensOf,
  promptsOf,
  refuseUnsupported,
} from '../openai/completion-request.ts';
import { checkMinTokens, numChoices, samplingOptions, seedOf } from '../openai/sampling-fields.ts';
import { parseRequest, unknownFields } from '../openai/validate.ts';
import { ignoredParts, receipt, samplingValues } from '../receipt.ts';
import type { RequestRecord } from '../request-record.ts';

/** `POST /v1/completions`: several prompts, each with `n` answers; choice `p·n + i` is answer i to prompt p. */
export async function completions(
  c: Context<AppEnv>,
  context: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const { served, settings } = context;
  const request = parseRequest(completionRequest, body, settings.strict);
  served.check(request.model);
  refuseUnsupported(request);
  context.checkQueue(clientOf(c));
  const prompts = await promptsOf(request, served);
  for (const prompt of prompts) served.checkLength(prompt, 'prompt');
  context.checkQueue(clientOf(c));

  const n = numChoices(request, settings.maxChoices);
  const numAnswers = prompts.length * n;
  if (numAnswers > MAX_PROMPTS)
    throw badRequest(`n: at most ${MAX_PROMPTS} answers at once; send fewer prompts or a smaller n`, 'n');
  if (numAnswers > 1 && request.dots?.routing)
    throw badRequest('dots.routing can be shown for one answer at a time', 'dots.routing');
  const seed = seedOf(request);
  const maxTokens = maxTokensOf(request);
  checkMinTokens(request, maxTokens);
  const format = answerFormat(request);
  const lifetime = new Lifetime(c.req.raw.signal, context);
  const { engine } = served;
  const { rules, groups } = await lifetime.guard(async () => {
    const rules = await served.rulesFor(undefined, format, askerOf(c, lifetime));
    const options: GenerateOptions = {
      ...samplingOptions(request, seed, engine.vocabSize),
      client: clientOf(c),
      ...(maxTokens !== undefined && { maxTokens }),
      ...(request.dots?.routing && { routing: true }),
      ...(rules.constraint && { constraint: rules.constraint }),
      ...(request.logprobs !== undefined && { logprobs: request.logprobs }),
      // Without tokens to generate there is still the prompt to be read.
      ...(request.echo &&
        (request.logprobs !== undefined || maxTokens === 0) && { promptLogprobs: request.logprobs ?? 0 }),
      signal: lifetime.signal,
    };
    const groups = await context.turns.map(prompts, (prompt, p) => ({
      prompt,
      prepared: Array.from({ length: n }, (_, stream) => prepare(engine, prompt, { ...options, stream })),
      choices: Array.from(
        { length: n },
        (_, i) =>
          new CompletionChoice({
            index: p * n + i,
            prompt,
            echo: request.echo === true,
            wantsLogprobs: request.logprobs !== undefined,
            returnsTokens: request.return_token_ids === true || !engine.tokenizer,
            tokenizer: engine.tokenizer,
          }),
      ),
    }));
    return { rules, groups };
  });
  const answer: Answer = {
    request,
    head: answerHead('cmpl-', served),
    seed: Number(seed),
    groups,
    sampling: samplingValues(request, served.samplingDefaults),
    ignored: request.dots?.receipt ? ignoredParts(unknownFields(completionRequest, body), rules) : [],
  };
  if (request.stream)
    return answerStream(c, context, lifetime, (stream) => streamAnswer(stream, answer), { end: '[DONE]' });
  return c.json(await answerWhole(lifetime, wholeAnswer(answer, c.get('record'))));
}

/** One prompt and its answers. */
interface Group {
  readonly prompt: readonly number[];
  readonly prepared: readonly Prepared[];
  readonly choices: readonly CompletionChoice[];
}

interface Answer {
  readonly request: CompletionRequest;
  readonly head: AnswerHead;
  readonly seed: number;
  readonly groups: readonly Group[];
  /** For the receipt. */
  readonly sampling: Readonly<Record<string, unknown>>;
  readonly ignored: readonly string[];
}

/** What goes with the end of one answer. */
function extensionsOf(answer: Answer, choice: CompletionChoice, end: ChoiceEnd): object {
  const { request, head, seed, groups, sampling, ignored } = answer;
  const n = groups[0].choices.length;
  const facts = {
    fingerprint: head.system_fingerprint,
    seed,
    stream: choice.index % n,
    prompt: groups[Math.floor(choice.index / n)].prompt,
    tokens: choice.tokens,
    end,
    sampling,
    ignored,
  };
  return {
    dots: { seed, ...choice.extensions().dots, ...(request.dots?.receipt && { receipt: receipt(facts) }) },
  };
}

type Show = (choice: TextChoice, from: CompletionChoice, end?: ChoiceEnd) => void | Promise<void>;

/** Run all answers of all prompts, showing each piece; gives how they ended, by index. */
async function runGroups(answer: Answer, record: RequestRecord, show: Show): Promise<ChoiceEnd[]> {
  const ends = await Promise.all(
    answer.groups.map(({ prepared, choices }) =>
      runChoices(prepared, record, (i) => ({
        onPromptEnd: (event) => {
          const echo = choices[i].echo(event.promptLogprobs);
          return echo && show(echo, choices[i]);
        },
        onPiece: (piece) => {
          const choice = choices[i].push(piece);
          return choice && show(choice, choices[i]);
        },
        onEnd: (end) => show(choices[i].finish(end), choices[i], end),
      })),
    ),
  );
  return ends.flat();
}

async function streamAnswer(stream: AnswerStream, answer: Answer): Promise<void> {
  const { head, request } = answer;
  const includeUsage = request.stream_options?.include_usage;
  const chunk = (choices: readonly unknown[], more?: object): void | Promise<void> =>
    stream.send({
      id: head.id,
      object: 'text_completion',
      created: head.created,
      model: head.model,
      system_fingerprint: head.system_fingerprint,
      choices,
      ...(includeUsage && { usage: null }),
      ...more,
    });
  const ends = await runGroups(answer, stream.record, (choice, from, end) => {
    if (!end) return chunk([choice], from.extensions());
    const timings = choice.index === 0 && { timings: wireTimings(end.timings, end.cachedTokens) };
    return chunk([choice], { ...timings, ...extensionsOf(answer, from, end) });
  });
  if (includeUsage) await chunk([], { usage: totalUsage(answer, ends) });
}

async function wholeAnswer(answer: Answer, record: RequestRecord): Promise<object> {
  const { head, request, groups } = answer;
  const parts = new Map<number, TextChoice[]>();
  const ends = await runGroups(answer, record, (choice) => {
    const list = parts.get(choice.index);
    if (list) list.push(choice);
    else parts.set(choice.index, [choice]);
  });
  return {
    id: head.id,
    object: 'text_completion',
    created: head.created,
    model: head.model,
    system_fingerprint: head.system_fingerprint,
    choices: [...parts.values()]
      .map((list) => joinChoices(list, request.logprobs !== undefined))
      .sort((a, b) => a.index - b.index),
    usage: totalUsage(answer, ends),
    timings: wireTimings(ends[0].timings, ends[0].cachedTokens),
    ...extensionsOf(answer, groups[0].choices[0], ends[0]),
  };
}

function totalUsage({ groups }: Answer, ends: readonly ChoiceEnd[]): Usage {
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const n = ends.length / groups.length;
  return usageOf(
    sum(groups.map(({ prompt }) => prompt.length)),
    sum(groups.map((_, p) => ends[p * n].cachedTokens)),
    sum(ends.map(({ completionTokens }) => completionTokens)),
  );
}
