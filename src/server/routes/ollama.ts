/** Ollama's API: chat, completion and what its clients ask about models. Lines of JSON instead of events. */
import type { Context } from 'hono';
import { type GenerateOptions, type Prepared, prepare } from '../../engine/generate.ts';
import { countParameters } from '../../model/weights.ts';
import { ToolCallParser, type ToolDelta } from '../../text/tools/tool-call-parser.ts';
import { answerStream, answerWhole } from '../answer-stream.ts';
import { badRequest } from '../api-error.ts';
import { type ChoiceEnd, runChoice } from '../choice.ts';
import { type AppEnv, clientOf, type ServerContext } from '../context.ts';
import { ollamaErrors } from '../error-shapes.ts';
import { askerOf, Lifetime } from '../lifetime.ts';
import {
  ollamaChatRequest,
  ollamaFormat,
  ollamaGenerateRequest,
  ollamaMessages,
  ollamaOptions,
  ollamaShowRequest,
  ollamaTools,
} from '../ollama/ollama-request.ts';
import type { TextFormat } from '../openai/answer-format.ts';
import type { Tools } from '../openai/tools.ts';
import { parseRequest } from '../openai/validate.ts';
import type { AnswerRules, ServedModel } from '../served-model.ts';
import { VERSION } from '../version.ts';
import { renderMessages } from './render-prompt.ts';

/** `POST /api/chat`. */
export async function ollamaChat(
  c: Context<AppEnv>,
  context: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const { served, settings } = context;
  const request = parseRequest(ollamaChatRequest, body, settings.strict);
  checkOllamaModel(served, request.model);
  const show = (part: Part): object => ({ message: { role: 'assistant', ...part } });
  if (!request.messages?.length) return loaded(c, served, show({ content: '' }));
  const tools = ollamaTools(request);
  const format = ollamaFormat(request);
  context.checkQueue(clientOf(c));
  const parts = renderMessages(ollamaMessages(request), served, tools);
  const prompt = await served.encodePrompt(parts, 'messages');
  const { stream } = request;
  return answer(c, context, { prompt, tools, format, options: ollamaOptions(request), stream, show });
}

/** `POST /api/generate`. */
export async function ollamaGenerate(
  c: Context<AppEnv>,
  context: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const { served, settings } = context;
  const request = parseRequest(ollamaGenerateRequest, body, settings.strict);
  checkOllamaModel(served, request.model);
  const show = ({ content }: Part): object => ({ response: content });
  const { prompt: text, system, raw, stream } = request;
  if (!text) return loaded(c, served, show({ content: '' }));
  const format = ollamaFormat(request);
  context.checkQueue(clientOf(c));
  const prompt = raw
    ? await served.encodeText(text, 'prompt')
    : await served.encodePrompt(
        renderMessages(
          [
            ...(system ? [{ role: 'system', content: system } as const] : []),
            { role: 'user', content: text },
          ],
          served,
          undefined,
        ),
        'prompt',
      );
  return answer(c, context, {
    prompt,
    tools: undefined,
    format,
    options: ollamaOptions(request),
    stream,
    show,
  });
}

/** `GET /api/tags`: the served model under each of its names. */
export function ollamaTags(c: Context<AppEnv>, { served }: ServerContext): Response {
  return c.json({
    models: served.names.map((name) => ({
      name: `${name}:latest`,
      model: `${name}:latest`,
      modified_at: new Date(served.createdSeconds * 1000).toISOString(),
      size: served.engine.files.fileBytes,
      digest: served.fingerprint,
      details: details(served),
    })),
  });
}

/** `POST /api/show`. */
export async function ollamaShow(
  c: Context<AppEnv>,
  { served, settings }: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const request = parseRequest(ollamaShowRequest, body, settings.strict);
  checkOllamaModel(served, request.model ?? request.name);
  const { config, files } = served.engine;
  const { architecture } = config;
  return c.json({
    modelfile: `FROM ${served.name}`,
    parameters: '',
    template: files.chatTemplate.source,
    details: details(served),
    model_info: {
      'general.architecture': architecture,
      'general.parameter_count': countParameters(config).total,
      [`${architecture}.context_length`]: served.engine.contextLength,
      [`${architecture}.embedding_length`]: config.hiddenSize,
      [`${architecture}.block_count`]: config.numLayers,
    },
    capabilities: ['completion', 'tools', 'embedding'],
    modified_at: new Date(served.createdSeconds * 1000).toISOString(),
  });
}

/** `GET /api/version`, which clients compare with Ollama's. */
export function ollamaVersion(c: Context<AppEnv>): Response {
  return c.json({ version: VERSION });
}

function details({ engine }: ServedModel): object {
  const { architecture } = engine.config;
  const billions = (countParameters(engine.config).total / 1e9).toFixed(1);
  return {
    parent_model: '',
    format: engine.files.format,
    family: architecture,
    families: [architecture],
    parameter_size: `${billions}B`,
    quantization_level: '',
  };
}

/** Names have a tag in this API. */
export function checkOllamaModel(served: ServedModel, model: string | undefined): void {
  if (!model) throw badRequest('model is required', 'model');
  served.check(served.names.includes(model) ? model : model.replace(/:latest$/, ''));
}

/** A request without a prompt loads the model; it is loaded. */
function loaded(c: Context<AppEnv>, served: ServedModel, more: object): Response {
  return c.json({ ...head(served), ...more, done: true, done_reason: 'load' });
}

function head(served: ServedModel): object {
  return { model: served.name, created_at: new Date().toISOString() };
}

interface Part {
  readonly content: string;
  readonly tool_calls?: readonly object[];
}

interface Answer {
  readonly prompt: readonly number[];
  readonly tools: Tools | undefined;
  readonly format: TextFormat | undefined;
  readonly options: GenerateOptions;
  readonly stream: boolean | undefined;
  /** A part of the answer as its route has it. */
  show(part: Part): object;
}

async function answer(c: Context<AppEnv>, context: ServerContext, wanted: Answer): Promise<Response> {
  const { served } = context;
  const { prompt, tools, format, options, show } = wanted;
  served.checkLength(prompt, 'prompt');
  context.checkQueue(clientOf(c));
  const lifetime = new Lifetime(c.req.raw.signal, context);
  const { rules, prepared } = await lifetime.guard(async () => {
    const rules = await served.rulesFor(tools, format, askerOf(c, lifetime));
    const prepared = prepare(served.engine, prompt, {
      ...options,
      client: clientOf(c),
      ...(rules.constraint && { constraint: rules.constraint }),
      ...(rules.stopBefore && { stopBefore: rules.stopBefore }),
      signal: lifetime.signal,
    });
    return { rules, prepared };
  });
  const record = c.get('record');
  const text = new AnswerParts(served, prepared, rules);
  if (wanted.stream === false) {
    const whole = async (): Promise<Response> => {
      let content = '';
      const end = await text.run(record, (part) => {
        content += part;
      });
      const calls = text.calls.length > 0 && { tool_calls: text.calls };
      return c.json({ ...head(served), ...show({ content, ...calls }), ...lastFields(end, prompt.length) });
    };
    return answerWhole(lifetime, whole());
  }
  return answerStream(
    c,
    context,
    lifetime,
    async (stream) => {
      const send = (fields: object): void | Promise<void> => stream.send({ ...head(served), ...fields });
      const end = await text.run(record, (content) => send({ ...show({ content }), done: false }));
      if (text.calls.length > 0)
        await send({ ...show({ content: '', tool_calls: text.calls }), done: false });
      await send({ ...show({ content: '' }), ...lastFields(end, prompt.length) });
    },
    { isLines: true, error: (sse, error) => sse.sendLine(JSON.stringify(ollamaErrors.body(error))) },
  );
}

/** The text of an answer piece by piece, and its calls once they are complete. */
class AnswerParts {
  calls: object[] = [];
  private readonly served: ServedModel;
  private readonly prepared: Prepared;
  private readonly parser: ToolCallParser | undefined;

  constructor(served: ServedModel, prepared: Prepared, { parser }: AnswerRules) {
    this.served = served;
    this.prepared = prepared;
    this.parser = parser && new ToolCallParser(parser);
  }

  async run(
    record: Parameters<typeof runChoice>[1],
    onText: (text: string) => void | Promise<void>,
  ): Promise<ChoiceEnd> {
    const { parser, served } = this;
    const show = (text: string): void | Promise<void> => (text === '' ? undefined : onText(text));
    const end = await runChoice(this.prepared, record, {
      onPiece: ({ text }) => show(parser ? textOf(parser.push(text)) : text),
    });
    if (!parser) return end;
    await show(textOf(parser.finish(served.wasCut(end))));
    // The arguments of the last call may lack their end.
    const complete = parser.isInsideCall ? parser.calls.slice(0, -1) : parser.calls;
    for (const call of complete) served.callMemory.remember(call);
    this.calls = complete.map(({ id, name, arguments: json }) => ({
      id,
      function: { name, arguments: JSON.parse(json) },
    }));
    return end;
  }
}

function textOf(deltas: readonly ToolDelta[]): string {
  return deltas.map((delta) => (delta.type === 'content' ? delta.text : '')).join('');
}

/** The end of an answer; times in nanoseconds. */
function lastFields({ reason, timings, completionTokens }: ChoiceEnd, numPromptTokens: number): object {
  const { promptMs, predictedMs } = timings;
  const ns = (ms: number): number => Math.round(ms * 1e6);
  return {
    done: true,
    done_reason: reason,
    total_duration: ns(promptMs + predictedMs),
    load_duration: 0,
    prompt_eval_count: numPromptTokens,
    prompt_eval_duration: ns(promptMs),
    eval_count: completionTokens,
    eval_duration: ns(predictedMs),
  };
}
