import type { Context } from 'hono';
import { type GenerateOptions, type Prepared, prepare } from '../../engine/generate.ts';
import type { ToolCallParser } from '../../text/tools/tool-call-parser.ts';
import { type AnswerStream, answerStream, answerWhole } from '../answer-stream.ts';
import { ContentBlocks, type MessageEvent } from '../anthropic/content-blocks.ts';
import {
  type MessagesRequest,
  messagesRequest,
  messagesTools,
  toolChatMessages,
} from '../anthropic/messages-request.ts';
import { badRequest } from '../api-error.ts';
import { type ChoiceEnd, runChoice } from '../choice.ts';
import { type AppEnv, clientOf, type ServerContext } from '../context.ts';
import { randomSeed, uniqueId } from '../ids.ts';
import { Lifetime } from '../lifetime.ts';
import { answerFormat } from '../openai/answer-format.ts';
import { parseRequest } from '../openai/validate.ts';
import type { RequestRecord } from '../request-record.ts';
import type { ServedModel } from '../served-model.ts';
import { renderMessages } from './render-prompt.ts';

/** `POST /v1/messages`: Anthropic's API. */
export async function messages(
  c: Context<AppEnv>,
  context: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const { served, settings } = context;
  const request = parseRequest(messagesRequest, body, settings.strict);
  served.check(request.model);
  if (request.max_tokens === undefined) throw badRequest('max_tokens is missing', 'max_tokens');
  const tools = messagesTools(request);
  const format = answerFormat({}, tools);
  const prompt = promptOf(request, served);
  served.checkLength(prompt, 'messages');
  context.checkQueue();

  const lifetime = new Lifetime(c.req.raw.signal, context);
  const { max_tokens: maxTokens, temperature, top_p: topP, top_k: topK, stop_sequences: stop } = request;
  const prepared = lifetime.guard(() => {
    const options: GenerateOptions = {
      seed: randomSeed(),
      maxTokens,
      client: clientOf(c),
      signal: lifetime.signal,
      ...(temperature !== undefined && { temperature }),
      ...(topP !== undefined && { topP }),
      ...(topK !== undefined && { topK }),
      ...(stop !== undefined && { stop }),
      ...(format && { constraint: served.constraintFor(format) }),
    };
    return prepare(served.engine, prompt, options);
  });
  const parser = served.parseCalls(tools);
  const answer: Answer = { id: uniqueId('msg_'), served, prepared, prompt, parser };
  if (!request.stream) return c.json(await answerWhole(lifetime, wholeMessage(answer, c.get('record'))));
  return answerStream(c, context, lifetime, (stream) => streamMessage(stream, answer));
}

/** `POST /v1/messages/count_tokens`. */
export async function countTokens(
  c: Context<AppEnv>,
  { served, settings }: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const request = parseRequest(messagesRequest, body, settings.strict);
  served.check(request.model);
  return c.json({ input_tokens: promptOf(request, served).length });
}

interface Answer {
  readonly id: string;
  readonly served: ServedModel;
  readonly prepared: Prepared;
  readonly prompt: readonly number[];
  readonly parser: ToolCallParser | undefined;
}

function promptOf(request: MessagesRequest, served: ServedModel): number[] {
  const parts = renderMessages(toolChatMessages(request), served, messagesTools(request));
  return Array.from(served.tokenizer.encodeParts(parts));
}

async function streamMessage(stream: AnswerStream, answer: Answer): Promise<void> {
  const send = async (events: readonly MessageEvent[]): Promise<void> => {
    for (const event of events) stream.sse.sendNamed(event.type, JSON.stringify(event));
    await stream.ready();
  };
  const blocks = new ContentBlocks(answer.parser);
  // Clients read the number of input tokens of the first event at once.
  await send([{ type: 'message_start', message: message(answer, [], undefined) }]);
  const end = await runChoice(answer.prepared, stream.record, {
    onPiece: ({ text }) => send(blocks.push(text)),
  });
  await send(blocks.finish());
  const { stop_reason, stop_sequence, usage } = message(answer, blocks.content, end);
  remember(answer);
  await send([
    { type: 'message_delta', delta: { stop_reason, stop_sequence }, usage },
    { type: 'message_stop' },
  ]);
}

async function wholeMessage(answer: Answer, record: RequestRecord): Promise<object> {
  const blocks = new ContentBlocks(answer.parser);
  const end = await runChoice(answer.prepared, record, {
    onPiece: ({ text }) => {
      blocks.push(text);
    },
  });
  blocks.finish();
  remember(answer);
  return message(answer, blocks.content, end);
}

function remember({ parser, served }: Answer): void {
  for (const call of parser?.calls ?? []) served.callMemory.remember(call);
}

interface Message {
  readonly stop_reason: string | null;
  readonly stop_sequence: string | null;
  readonly usage: object;
  readonly [field: string]: unknown;
}

function message(answer: Answer, content: readonly object[], end: ChoiceEnd | undefined): Message {
  const stoppedBy = typeof end?.stoppedBy === 'string' ? end.stoppedBy : null;
  return {
    id: answer.id,
    type: 'message',
    role: 'assistant',
    model: answer.served.name,
    content,
    stop_reason: end ? stopReason(end, (answer.parser?.calls.length ?? 0) > 0) : null,
    stop_sequence: stoppedBy,
    usage: {
      input_tokens: answer.prompt.length - (end?.cachedTokens ?? 0),
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: end?.cachedTokens ?? 0,
      output_tokens: end?.completionTokens ?? 0,
    },
  };
}

function stopReason({ reason, stoppedBy }: ChoiceEnd, hasCalls: boolean): string {
  if (reason === 'length') return 'max_tokens';
  if (hasCalls) return 'tool_use';
  return typeof stoppedBy === 'string' ? 'stop_sequence' : 'end_turn';
}
