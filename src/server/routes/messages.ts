import type { Context } from 'hono';
import { type GenerateOptions, type Prepared, prepare } from '../../engine/generate.ts';
import type { TextPart } from '../../text/tokenizer.ts';
import { ToolCallParser } from '../../text/tools/tool-call-parser.ts';
import { type AnswerStream, answerStream, answerWhole } from '../answer-stream.ts';
import { ContentBlocks, type MessageEvent } from '../anthropic/content-blocks.ts';
import {
  isPrefilled,
  type MessagesRequest,
  messagesFormat,
  messagesRequest,
  messagesTools,
  toolChatMessages,
} from '../anthropic/messages-request.ts';
import { badRequest } from '../api-error.ts';
import { type ChoiceEnd, runChoice } from '../choice.ts';
import { type AppEnv, clientOf, type ServerContext } from '../context.ts';
import { randomSeed, uniqueId } from '../ids.ts';
import { askerOf, Lifetime } from '../lifetime.ts';
import { parseRequest, unknownFields } from '../openai/validate.ts';
import { ignoredParts, receipt, samplingValues } from '../receipt.ts';
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
  const format = messagesFormat(request);
  context.checkQueue(clientOf(c));
  const prompt = await served.encodePrompt(partsOf(request, served), 'messages');
  served.checkLength(prompt, 'messages');
  context.checkQueue(clientOf(c));

  const lifetime = new Lifetime(c.req.raw.signal, context);
  const { max_tokens: maxTokens, temperature, top_p: topP, top_k: topK, stop_sequences: stop } = request;
  const seed = randomSeed();
  const { rules, prepared } = await lifetime.guard(async () => {
    const rules = await served.rulesFor(tools, format, askerOf(c, lifetime));
    const options: GenerateOptions = {
      seed,
      maxTokens,
      client: clientOf(c),
      signal: lifetime.signal,
      ...(temperature !== undefined && { temperature }),
      ...(topP !== undefined && topP > 0 && { topP }),
      ...(topK !== undefined && { topK }),
      // Nothing is less than the most likely token.
      ...(topP === 0 && { topK: 1 }),
      ...(stop !== undefined && { stop }),
      ...(rules.constraint && { constraint: rules.constraint }),
      ...(rules.stopBefore && { stopBefore: rules.stopBefore }),
    };
    return { rules, prepared: prepare(served.engine, prompt, options) };
  });
  const answer: Answer = {
    id: uniqueId('msg_'),
    request,
    served,
    prepared,
    prompt,
    parser: rules.parser && new ToolCallParser(rules.parser),
    seed,
    tokens: [],
    ignored: request.dots?.receipt ? ignoredParts(unknownFields(messagesRequest, body), rules) : [],
  };
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
  const tokens = await served.encode(partsOf(request, served), 'messages');
  return c.json({ input_tokens: tokens.length });
}

interface Answer {
  readonly id: string;
  readonly request: MessagesRequest;
  readonly served: ServedModel;
  readonly prepared: Prepared;
  readonly prompt: readonly number[];
  readonly parser: ToolCallParser | undefined;
  readonly seed: number;
  readonly tokens: number[];
  /** For the receipt. */
  readonly ignored: readonly string[];
}

function partsOf(request: MessagesRequest, served: ServedModel): TextPart[] {
  return renderMessages(toolChatMessages(request), served, messagesTools(request), {
    ...(isPrefilled(request) && { continueFinalMessage: true }),
  });
}

async function streamMessage(stream: AnswerStream, answer: Answer): Promise<void> {
  const send = (events: readonly MessageEvent[]): void | Promise<void> => stream.sendNamed(events);
  const blocks = new ContentBlocks(answer.parser);
  // Clients read the number of input tokens of the first event at once.
  await send([{ type: 'message_start', message: message(answer, [], undefined) }]);
  const end = await runChoice(answer.prepared, stream.record, {
    onPiece: ({ text, token }) => {
      if (token !== undefined) answer.tokens.push(token);
      return send(blocks.push(text));
    },
  });
  await send(blocks.finish(answer.served.wasCut(end)));
  const { stop_reason, stop_sequence, usage, dots } = message(answer, blocks.content, end);
  remember(answer);
  await send([
    { type: 'message_delta', delta: { stop_reason, stop_sequence }, usage, ...(dots && { dots }) },
    { type: 'message_stop' },
  ]);
}

async function wholeMessage(answer: Answer, record: RequestRecord): Promise<object> {
  const blocks = new ContentBlocks(answer.parser);
  const end = await runChoice(answer.prepared, record, {
    onPiece: ({ text, token }) => {
      if (token !== undefined) answer.tokens.push(token);
      blocks.push(text);
    },
  });
  blocks.finish(answer.served.wasCut(end));
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
  readonly dots?: object;
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
    stop_reason: end ? stopReason(end, answer.parser) : null,
    stop_sequence: stoppedBy,
    usage: {
      input_tokens: answer.prompt.length - (end?.cachedTokens ?? 0),
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: end?.cachedTokens ?? 0,
      output_tokens: end?.completionTokens ?? 0,
    },
    ...(end && answer.request.dots?.receipt && { dots: { receipt: messageReceipt(answer, end) } }),
  };
}

function messageReceipt({ request, served, prompt, seed, tokens, ignored }: Answer, end: ChoiceEnd): object {
  const { fingerprint } = served;
  return receipt({
    fingerprint,
    seed,
    stream: 0,
    prompt,
    tokens,
    end,
    sampling: samplingValues(request, served.samplingDefaults),
    ignored,
  });
}

function stopReason({ reason, stoppedBy }: ChoiceEnd, parser: ToolCallParser | undefined): string {
  if (reason === 'length') return 'max_tokens';
  if (parser && parser.calls.length > 0 && !parser.isInsideCall) return 'tool_use';
  return typeof stoppedBy === 'string' ? 'stop_sequence' : 'end_turn';
}
