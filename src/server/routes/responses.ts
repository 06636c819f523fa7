import type { Context } from 'hono';
import { type GenerateOptions, type Prepared, prepare } from '../../engine/generate.ts';
import type { ToolCallParser } from '../../text/tools/tool-call-parser.ts';
import { type AnswerStream, answerStream, answerWhole } from '../answer-stream.ts';
import { type ChoiceEnd, runChoice } from '../choice.ts';
import { type AppEnv, clientOf, type ServerContext } from '../context.ts';
import { randomSeed } from '../ids.ts';
import { Lifetime } from '../lifetime.ts';
import { type AnswerHead, answerHead } from '../openai/answers.ts';
import { type ResponseEvent, ResponseItems } from '../openai/response-items.ts';
import {
  checkStateless,
  conversationOf,
  type ResponsesRequest,
  responseFormat,
  responsesRequest,
  responseTools,
} from '../openai/responses-request.ts';
import { samplingOptions } from '../openai/sampling-fields.ts';
import { parseRequest } from '../openai/validate.ts';
import type { RequestRecord } from '../request-record.ts';
import type { ServedModel } from '../served-model.ts';
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
  checkStateless(request);
  const tools = responseTools(request);
  const format = responseFormat(request, tools);
  const prompt = renderPrompt({ messages: conversationOf(request) }, served, tools);
  served.checkLength(prompt, 'input');
  context.checkQueue();

  const lifetime = new Lifetime(c.req.raw.signal, context);
  const prepared = lifetime.guard(() => {
    const options: GenerateOptions = {
      ...samplingOptions(request, request.seed ?? randomSeed(), served.engine.vocabSize),
      client: clientOf(c),
      ...(request.max_output_tokens !== undefined && { maxTokens: request.max_output_tokens }),
      ...(format && { constraint: served.constraintFor(format) }),
      signal: lifetime.signal,
    };
    return prepare(served.engine, prompt, options);
  });
  const answer = new ResponseAnswer(request, served, prepared, prompt.length);
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

class ResponseAnswer {
  private readonly request: ResponsesRequest;
  private readonly served: ServedModel;
  private readonly prepared: Prepared;
  private readonly numPromptTokens: number;
  private readonly head: AnswerHead;
  private readonly items = new ResponseItems();
  private readonly parser: ToolCallParser | undefined;
  private numEvents = 0;

  constructor(request: ResponsesRequest, served: ServedModel, prepared: Prepared, numPromptTokens: number) {
    this.request = request;
    this.served = served;
    this.prepared = prepared;
    this.numPromptTokens = numPromptTokens;
    this.head = answerHead('resp_', served);
    this.parser = served.parseCalls(responseTools(request));
  }

  async run(record: RequestRecord): Promise<object> {
    const end = await runChoice(this.prepared, record, {
      onPiece: ({ text }) => {
        this.read(text);
      },
    });
    this.finish(end);
    return this.body(statusOf(end), end);
  }

  async runStream(stream: AnswerStream): Promise<void> {
    const send = (events: readonly ResponseEvent[]): void | Promise<void> => {
      for (const event of events) stream.sse.sendNamed(event.type, JSON.stringify(this.numbered(event)));
      return stream.ready();
    };
    await send([
      { type: 'response.created', response: this.body('in_progress') },
      { type: 'response.in_progress', response: this.body('in_progress') },
    ]);
    const end = await runChoice(this.prepared, stream.record, {
      onPiece: ({ text }) => send(this.read(text)),
    });
    const rest = this.finish(end);
    const status = statusOf(end);
    await send([...rest, { type: `response.${status}`, response: this.body(status, end) }]);
  }

  numbered(event: ResponseEvent): ResponseEvent {
    return { ...event, sequence_number: this.numEvents++ };
  }

  body(status: Status, end?: ChoiceEnd, error?: { code: string; message: string }): object {
    const { request, head } = this;
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
      temperature: request.temperature ?? 1,
      text: { format: request.text?.format ?? { type: 'text' } },
      tool_choice: request.tool_choice ?? 'auto',
      tools: request.tools ?? [],
      top_p: request.top_p ?? 1,
      truncation: 'disabled',
      usage: end ? this.usage(end) : null,
    };
  }

  private read(text: string): ResponseEvent[] {
    if (text === '') return [];
    const deltas = this.parser ? this.parser.push(text) : [{ type: 'content' as const, text }];
    return deltas.flatMap((delta) => this.items.push(delta));
  }

  private finish(end: ChoiceEnd): ResponseEvent[] {
    const rest = (this.parser?.finish() ?? []).flatMap((delta) => this.items.push(delta));
    for (const call of this.parser?.calls ?? []) this.served.callMemory.remember(call);
    return [...rest, ...this.items.finish(end.reason === 'stop')];
  }

  private usage(end: ChoiceEnd): object {
    return {
      input_tokens: this.numPromptTokens,
      input_tokens_details: { cached_tokens: end.cachedTokens },
      output_tokens: end.completionTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: this.numPromptTokens + end.completionTokens,
    };
  }
}

function statusOf({ reason }: ChoiceEnd): 'completed' | 'incomplete' {
  return reason === 'stop' ? 'completed' : 'incomplete';
}
