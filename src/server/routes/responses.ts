import type { Context } from 'hono';
import { type GenerateOptions, type Prepared, prepare } from '../../engine/generate.ts';
import { ToolCallParser } from '../../text/tools/tool-call-parser.ts';
import { type AnswerStream, answerStream, answerWhole } from '../answer-stream.ts';
import { type ChoiceEnd, runChoice } from '../choice.ts';
import { type AppEnv, clientOf, type ServerContext } from '../context.ts';
import { randomSeed, uniqueId } from '../ids.ts';
import { Lifetime } from '../lifetime.ts';
import { answerFormat } from '../openai/answer-format.ts';
import { OutputItems, type ResponseEvent } from '../openai/output-items.ts';
import {
  conversationOf,
  type ResponsesRequest,
  refuseState,
  responsesFormat,
  responsesRequest,
  responsesTools,
} from '../openai/responses-request.ts';
import { parseRequest } from '../openai/validate.ts';
import type { RequestRecord } from '../request-record.ts';
import type { ServedModel } from '../served-model.ts';
import { renderMessages } from './render-prompt.ts';

/** `POST /v1/responses`. */
export async function responses(
  c: Context<AppEnv>,
  context: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const { served, settings } = context;
  const request = parseRequest(responsesRequest, body, settings.strict);
  served.check(request.model);
  refuseState(request);
  const tools = responsesTools(request);
  const format = answerFormat(responsesFormat(request), tools);
  const parts = renderMessages(conversationOf(request), served, tools);
  const prompt = Array.from(served.tokenizer.encodeParts(parts));
  served.checkLength(prompt, 'input');
  context.checkQueue();

  const lifetime = new Lifetime(c.req.raw.signal, context);
  const { max_output_tokens: maxTokens, temperature, top_p: topP } = request;
  const prepared = lifetime.guard(() => {
    const options: GenerateOptions = {
      seed: randomSeed(),
      client: clientOf(c),
      signal: lifetime.signal,
      ...(maxTokens !== undefined && { maxTokens }),
      ...(temperature !== undefined && { temperature }),
      ...(topP !== undefined && { topP }),
      ...(format && { constraint: served.constraints.get(format, served.tokenizer) }),
    };
    return prepare(served.engine, prompt, options);
  });
  const parser = tools && tools.choice !== 'none' ? new ToolCallParser() : undefined;
  const createdAt = Math.floor(Date.now() / 1000);
  const answer: Answer = { id: uniqueId('resp_'), createdAt, request, served, prepared, prompt, parser };
  if (!request.stream) return c.json(await answerWhole(lifetime, wholeResponse(answer, c.get('record'))));
  return answerStream(c, context, lifetime, (stream) => streamResponse(stream, answer), {
    error: (sse, { body: { error } }) => {
      const { code, message, param } = error;
      sse.sendNamed('error', JSON.stringify({ type: 'error', code, message, param, sequence_number: 0 }));
    },
  });
}

interface Answer {
  readonly id: string;
  readonly createdAt: number;
  readonly request: ResponsesRequest;
  readonly served: ServedModel;
  readonly prepared: Prepared;
  readonly prompt: readonly number[];
  readonly parser: ToolCallParser | undefined;
}

async function streamResponse(stream: AnswerStream, answer: Answer): Promise<void> {
  let sequence = 0;
  const send = async (events: readonly ResponseEvent[]): Promise<void> => {
    for (const event of events)
      stream.sse.sendNamed(event.type, JSON.stringify({ ...event, sequence_number: sequence++ }));
    await stream.ready();
  };
  const output = new OutputItems(answer.parser);
  const begun = responseBody(answer, []);
  await send([
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
  ]);
  const end = await runChoice(answer.prepared, stream.record, {
    onPiece: ({ text }) => send(output.push(text)),
  });
  await send(output.finish(end.reason !== 'length'));
  remember(answer);
  const type = end.reason === 'length' ? 'response.incomplete' : 'response.completed';
  await send([{ type, response: responseBody(answer, output.items, end) }]);
}

async function wholeResponse(answer: Answer, record: RequestRecord): Promise<object> {
  const output = new OutputItems(answer.parser);
  const end = await runChoice(answer.prepared, record, {
    onPiece: ({ text }) => {
      output.push(text);
    },
  });
  output.finish(end.reason !== 'length');
  remember(answer);
  return responseBody(answer, output.items, end);
}

function remember({ parser, served }: Answer): void {
  for (const call of parser?.calls ?? []) served.callMemory.remember(call);
}

function responseBody(answer: Answer, output: readonly object[], end?: ChoiceEnd): object {
  const { request, served, prompt } = answer;
  const isCut = end?.reason === 'length';
  return {
    id: answer.id,
    object: 'response',
    created_at: answer.createdAt,
    status: end ? (isCut ? 'incomplete' : 'completed') : 'in_progress',
    error: null,
    incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    model: served.name,
    output,
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
    metadata: request.metadata ?? {},
    user: null,
    usage: end
      ? {
          input_tokens: prompt.length,
          input_tokens_details: { cached_tokens: end.cachedTokens },
          output_tokens: end.completionTokens,
          output_tokens_details: { reasoning_tokens: 0 },
          total_tokens: prompt.length + end.completionTokens,
        }
      : null,
  };
}
