import type { Context } from 'hono';
import { type GenerateOptions, type Prepared, prepare } from '../../engine/generate.ts';
import { ToolCallParser } from '../../text/tools/tool-call-parser.ts';
import { type AnswerStream, answerStream, answerWhole } from '../answer-stream.ts';
import { ApiError } from '../api-error.ts';
import { type ChoiceEnd, type Piece, runChoice } from '../choice.ts';
import { type AppEnv, clientOf, type ServerContext } from '../context.ts';
import { askerOf, Lifetime } from '../lifetime.ts';
import { type AnswerHead, answerHead } from '../openai/answers.ts';
import { chatLogprobs } from '../openai/logprobs.ts';
import type { WireMessage } from '../openai/messages.ts';
import { type ResponseEvent, ResponseItems } from '../openai/response-items.ts';
import {
  conversationOf,
  includedLogprobs,
  type ResponsesRequest,
  responseFormat,
  responsesRequest,
  responseTools,
} from '../openai/responses-request.ts';
import { checkMinTokens, samplingOptions, seedOf, tokenLimit } from '../openai/sampling-fields.ts';
import type { Tools } from '../openai/tools.ts';
import { parseRequest, unknownFields } from '../openai/validate.ts';
import { ignoredParts, receipt, samplingValues } from '../receipt.ts';
import type { RequestRecord } from '../request-record.ts';
import type { AnswerRules, ServedModel } from '../served-model.ts';
import { renderPrompt } from './render-prompt.ts';

/** `POST /v1/responses`: the newer form of chat completions, without the server's memory. */
export async function responses(
  c: Context<AppEnv>,
  context: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const { served, settings } = context;
  const request = parseRequest(responsesRequest, body, settings.strict);
  served.check(request.model);
  const tools = responseTools(request);
  const format = responseFormat(request);
  context.checkQueue(clientOf(c));
  const { prompt, numDropped } = await fittingPrompt(request, served, tools);
  served.checkLength(prompt, 'input');
  context.checkQueue(clientOf(c));
  const seed = seedOf(request);
  const maxTokens = tokenLimit(request.max_output_tokens);
  checkMinTokens(request, maxTokens);
  const logprobs = includedLogprobs(request);

  const lifetime = new Lifetime(c.req.raw.signal, context);
  const { rules, prepared } = await lifetime.guard(async () => {
    const rules = await served.rulesFor(tools, format, askerOf(c, lifetime));
    const options: GenerateOptions = {
      ...samplingOptions(request, seed, served.engine.vocabSize),
      client: clientOf(c),
      ...(maxTokens !== undefined && { maxTokens }),
      ...(logprobs !== undefined && { logprobs }),
      ...(rules.constraint && { constraint: rules.constraint }),
      ...(rules.stopBefore && { stopBefore: rules.stopBefore }),
      signal: lifetime.signal,
    };
    return { rules, prepared: prepare(served.engine, prompt, options) };
  });
  const dropped = numDropped > 0 ? [`input: its first ${numDropped} messages, by truncation`] : [];
  const answer = new ResponseAnswer({
    request,
    served,
    prepared,
    prompt,
    seed: Number(seed),
    rules,
    ignored: request.dots?.receipt
      ? [...ignoredParts(unknownFields(responsesRequest, body), rules), ...dropped]
      : [],
  });
  if (!request.stream) return c.json(await answerWhole(lifetime, answer.run(c.get('record'))));
  return answerStream(c, context, lifetime, (stream) => answer.runStream(stream), {
    error: (sse, error) => {
      const { code } = error.details;
      const failed = answer.numbered({
        type: 'response.failed',
        response: answer.body('failed', undefined, { code, message: error.message }),
      });
      sse.sendNamed(failed.type, JSON.stringify(failed));
    },
  });
}

type Status = 'in_progress' | 'completed' | 'incomplete' | 'failed';

interface AnswerParts {
  readonly request: ResponsesRequest;
  readonly served: ServedModel;
  readonly prepared: Prepared;
  readonly prompt: readonly number[];
  readonly seed: number;
  readonly rules: AnswerRules;
  /** For the receipt. */
  readonly ignored: readonly string[];
}

/** The prompt, without as many of the oldest messages as it takes to fit if the request allows that. */
async function fittingPrompt(
  request: ResponsesRequest,
  served: ServedModel,
  tools: Tools | undefined,
): Promise<{ prompt: number[]; numDropped: number }> {
  const messages = conversationOf(request);
  const render = (shown: readonly WireMessage[]): Promise<number[]> =>
    renderPrompt({ messages: shown }, served, tools, 'input');
  const start = messages.findIndex(({ role }) => role !== 'system' && role !== 'developer');
  // A conversation begins with the user, so it is cut where one of their messages is.
  const cuts = messages.flatMap(({ role }, i) => (i > start && role === 'user' ? [i] : []));
  if (request.truncation !== 'auto' || cuts.length === 0)
    return { prompt: await render(messages), numDropped: 0 };

  const cutAt = (i: number): Promise<number[]> =>
    render(i < 0 ? messages : [...messages.slice(0, start), ...messages.slice(cuts[i])]);
  let [low, high] = [-1, cuts.length - 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await fits(cutAt(middle), served)) high = middle;
    else low = middle + 1;
  }
  return { prompt: await cutAt(low), numDropped: low < 0 ? 0 : cuts[low] - start };
}

/** Whether there is room for a prompt, which may have been refused as too long already. */
async function fits(prompt: Promise<readonly number[]>, served: ServedModel): Promise<boolean> {
  try {
    return served.hasRoomFor(await prompt);
  } catch (error) {
    if (error instanceof ApiError && error.details.code === 'context_length_exceeded') return false;
    throw error;
  }
}

class ResponseAnswer {
  private readonly parts: AnswerParts;
  private readonly head: AnswerHead;
  private readonly items: ResponseItems;
  private readonly parser: ToolCallParser | undefined;
  private readonly tokens: number[] = [];
  private numEvents = 0;

  constructor(parts: AnswerParts) {
    const { served, rules } = parts;
    this.parts = parts;
    this.head = answerHead('resp_', served);
    this.items = new ResponseItems((entries) => chatLogprobs(entries, served.tokenizer).content);
    this.parser = rules.parser && new ToolCallParser(rules.parser);
  }

  async run(record: RequestRecord): Promise<object> {
    const end = await runChoice(this.parts.prepared, record, {
      onPiece: (piece) => {
        this.read(piece);
      },
    });
    this.finish(end);
    return this.body(this.statusOf(end), end);
  }

  async runStream(stream: AnswerStream): Promise<void> {
    const send = (events: readonly ResponseEvent[]): void | Promise<void> =>
      stream.sendNamed(events.map((event) => this.numbered(event)));
    await send([
      { type: 'response.created', response: this.body('in_progress') },
      { type: 'response.in_progress', response: this.body('in_progress') },
    ]);
    const end = await runChoice(this.parts.prepared, stream.record, {
      onPiece: (piece) => send(this.read(piece)),
    });
    const rest = this.finish(end);
    const status = this.statusOf(end);
    await send([...rest, { type: `response.${status}`, response: this.body(status, end) }]);
  }

  numbered(event: ResponseEvent): ResponseEvent {
    return { ...event, sequence_number: this.numEvents++ };
  }

  body(status: Status, end?: ChoiceEnd, error?: { code: string; message: string }): object {
    const { head } = this;
    const { request } = this.parts;
    return {
      id: head.id,
      object: 'response',
      created_at: head.created,
      status,
      background: false,
      error: error ?? null,
      incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
      instructions: request.instructions ?? null,
      max_output_tokens: request.max_output_tokens ?? null,
      metadata: request.metadata ?? {},
      model: head.model,
      output: status === 'in_progress' ? [] : this.items.output,
      parallel_tool_calls: request.parallel_tool_calls ?? true,
      previous_response_id: null,
      reasoning: { effort: null, summary: null },
      store: false,
      temperature: request.temperature ?? this.parts.served.samplingDefaults.temperature,
      text: { format: request.text?.format ?? { type: 'text' } },
      tool_choice: request.tool_choice ?? 'auto',
      tools: request.tools ?? [],
      top_p: request.top_p ?? this.parts.served.samplingDefaults.top_p,
      truncation: request.truncation ?? 'disabled',
      usage: end ? this.usage(end) : null,
      ...(end && request.dots?.receipt && { dots: { receipt: this.receipt(end) } }),
    };
  }

  private receipt(end: ChoiceEnd): object {
    const { request, seed, prompt, ignored } = this.parts;
    const fingerprint = this.head.system_fingerprint;
    const { tokens } = this;
    return receipt({
      fingerprint,
      seed,
      stream: 0,
      prompt,
      tokens,
      end,
      sampling: samplingValues(request, this.parts.served.samplingDefaults),
      ignored,
    });
  }

  private read({ text, token, logprobs }: Piece): ResponseEvent[] {
    if (token !== undefined) this.tokens.push(token);
    this.items.pushLogprobs(logprobs);
    if (text === '') return [];
    const deltas = this.parser ? this.parser.push(text) : [{ type: 'content' as const, text }];
    return deltas.flatMap((delta) => this.items.push(delta));
  }

  private finish(end: ChoiceEnd): ResponseEvent[] {
    const { served } = this.parts;
    const rest = (this.parser?.finish(served.wasCut(end)) ?? []).flatMap((delta) => this.items.push(delta));
    for (const call of this.parser?.calls ?? []) served.callMemory.remember(call);
    return [...rest, ...this.items.finish(this.statusOf(end) === 'completed')];
  }

  /** Half a call is not complete, whatever ended it. */
  private statusOf({ reason }: ChoiceEnd): 'completed' | 'incomplete' {
    return reason === 'stop' && !this.parser?.isInsideCall ? 'completed' : 'incomplete';
  }

  private usage(end: ChoiceEnd): object {
    return {
      input_tokens: this.parts.prompt.length,
      input_tokens_details: { cached_tokens: end.cachedTokens },
      output_tokens: end.completionTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: this.parts.prompt.length + end.completionTokens,
    };
  }
}
