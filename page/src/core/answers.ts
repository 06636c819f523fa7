import { type AnswerOptions, parseSchema, requestFields } from './answer-options.ts';
import type { ApiClient } from './api.ts';
import type { Connection } from './connection.ts';
import { firstThatFits, sentPart } from './context-fit.ts';
import { addMessage, type Conversation, changeMessage, type Message, pathOf } from './conversation.ts';
import { Exchanges } from './exchanges.ts';
import {
  type AnswerSoFar,
  type Outcome,
  type Progress,
  requestMessages,
  runGeneration,
} from './generation.ts';
import { hashOf, newId } from './ids.ts';
import type { Library } from './library.ts';
import { Observable } from './observable.ts';
import type { Recording } from './recording.ts';
import type { Recordings } from './recordings.ts';
import type { Settings } from './settings.ts';
import type { Channel } from './tabs.ts';

/** Calls once, with the next frame. Returns what cancels that. */
export type OnFrame = (call: () => void) => () => void;

export interface AnswersOptions {
  readonly api: ApiClient;
  readonly connection: Connection;
  readonly library: Library;
  readonly recordings: Recordings;
  readonly settings: Observable<Settings>;
  readonly channel: Channel | undefined;
  readonly onFrame: OnFrame;
}

/** How often an answer that is being written is saved, so that a reload in its middle loses little. */
const SAVE_EVERY_MS = 1000;

/** How an answer is to differ from what the settings say. */
export interface Variation {
  readonly options: AnswerOptions;
  readonly model: string | undefined;
}

export interface Ended {
  readonly conversation: string;
  readonly message: Message;
}

interface Running {
  readonly conversation: string;
  readonly controller: AbortController;
}

/** Answers that this tab is writing. */
export class Answers {
  readonly exchanges = new Exchanges();
  /** By message. */
  readonly progress = new Observable<ReadonlyMap<string, Progress>>(new Map());
  /** The answer that ended last. */
  readonly ended = new Observable<Ended | undefined>(undefined);
  private readonly options: AnswersOptions;
  private readonly running = new Map<string, Running>();

  constructor(options: AnswersOptions) {
    this.options = options;
  }

  isRunning(id: string): boolean {
    return this.running.has(id);
  }

  stop(id: string): void {
    this.running.get(id)?.controller.abort();
  }

  /** Adds an answer to the message `parent` and writes it to its end. */
  async write(before: Conversation, parent: string, variation?: Variation): Promise<void> {
    const message: Message = {
      id: newId(),
      parent,
      role: 'assistant',
      content: '',
      created: Date.now(),
      status: 'streaming',
    };
    await this.run(addMessage(before, message), message, variation);
  }

  /** Writes on at the end of an answer. */
  async continue(conversation: Conversation, message: Message): Promise<void> {
    const { error, finishReason, ...rest } = message;
    const again: Message = { ...rest, status: 'streaming' };
    const nodes = { ...conversation.nodes, [message.id]: again };
    await this.run({ ...conversation, nodes }, again);
  }

  private async run(
    conversation: Conversation,
    message: Message,
    { options = this.options.settings.value, model: chosenModel }: Partial<Variation> = {},
  ): Promise<void> {
    const { connection, library, settings } = this.options;
    const { recordsRouting, recordsOdds } = settings.value;
    const { id } = message;
    const controller = new AbortController();
    const { signal } = controller;
    this.running.set(id, { conversation: conversation.id, controller });
    const parsed = parseSchema(options.schema);
    const schema = 'schema' in parsed ? hashOf(JSON.stringify(parsed.schema)) : undefined;
    void library.put(
      'schema' in parsed && schema !== undefined
        ? { ...conversation, schemas: { ...conversation.schemas, [schema]: parsed.schema } }
        : conversation,
    );
    this.announce(id);
    // The question may have come before the server's first word, or while it was away.
    await connection.settled(signal);
    const server = connection.state.value;
    const model = chosenModel ?? (server.status === 'ready' ? server.model.id : 'default');
    const before = await this.soFar(message);
    const path = pathOf(conversation, before ? id : message.parent);
    const firstSent = await this.firstToSend(conversation, path, { model, options, signal });
    const fields = requestFields(options);
    const show = throttled(this.options.onFrame, (progress: Progress) => {
      this.progress.update((all) => new Map([...all, [id, progress]]));
      const { content, toolCalls } = progress;
      this.change(conversation.id, id, { content, ...(toolCalls && { toolCalls }) });
    });
    let savedMs = Date.now();
    const log = this.exchanges.start(id);
    const { outcome, recording } = await runGeneration({
      api: this.options.api,
      request: {
        model,
        messages: requestMessages(conversation.system, sentPart(path, firstSent)),
        fields,
      },
      layout: recordsRouting && server.status === 'ready' ? server.experts?.layout : undefined,
      odds: recordsOdds,
      before,
      log,
      signal,
      now: () => performance.now(),
      onProgress: (progress) => {
        show(progress);
        if (Date.now() - savedMs <= SAVE_EVERY_MS) return;
        savedMs = Date.now();
        this.announce(id);
        void library.save(conversation.id);
      },
    });
    log.end();
    show.cancel();
    this.running.delete(id);
    const { response_format, ...numbers } = fields;
    const facts = {
      ...outcome,
      model,
      fields: numbers,
      ...(schema !== undefined && { schema }),
      ...(firstSent !== undefined && { firstSent }),
    };
    await this.keep(conversation.id, id, facts, recording);
  }

  /** What there is of an answer that is continued; undefined for one that begins. */
  private async soFar({ id, content, stats }: Message): Promise<AnswerSoFar | undefined> {
    if (content === '') return undefined;
    const { recordings } = this.options;
    await recordings.load(id);
    return { content, recording: recordings.loaded.value.get(id), ...(stats && { stats }) };
  }

  private async keep(
    conversationId: string,
    id: string,
    outcome: Outcome,
    recording: Recording | undefined,
  ): Promise<void> {
    const { library, recordings } = this.options;
    // It may have been deleted in the meantime.
    const isThere = library.find(conversationId)?.nodes[id] !== undefined;
    if (recording && isThere) recordings.add(id, recording);
    this.change(conversationId, id, outcome);
    this.progress.update((all) => new Map([...all].filter(([other]) => other !== id)));
    this.noteFailure(outcome);
    await library.save(conversationId);
    const message = library.find(conversationId)?.nodes[id];
    if (message) this.ended.set({ conversation: conversationId, message });
    if (recording && isThere) await recordings.save(id);
  }

  /** Where the prompt begins: at the first message, or where a long conversation has to, once the person has agreed to that. */
  private async firstToSend(
    { system, trims }: Conversation,
    path: readonly Message[],
    { model, options, signal }: { model: string; options: AnswerOptions; signal: AbortSignal },
  ): Promise<string | undefined> {
    const { api, connection } = this.options;
    const server = connection.state.value;
    const known = server.status === 'ready' ? server.models.find(({ id }) => id === model) : undefined;
    if (!trims || known?.contextLength === undefined) return undefined;
    const firstSent = path.findLast((message) => message.firstSent !== undefined)?.firstSent;
    const fitting = firstThatFits({
      system,
      path,
      firstSent,
      contextLength: known.contextLength,
      maxTokens: options.sampling.maxTokens,
      countTokens: (messages) => api.countTokens(model, messages, signal),
    });
    // Stopped: the request will not be sent either.
    return fitting.catch(() => firstSent);
  }

  /** Says to the other tabs that an answer is being written here, or all of them. */
  announce(only?: string): void {
    for (const [message, { conversation }] of this.running)
      if (only === undefined || only === message)
        this.options.channel?.postMessage({ type: 'answering', conversation, message });
  }

  private noteFailure({ error }: Outcome): void {
    const { connection } = this.options;
    if (error?.code === 'invalid_api_key') connection.refuseKey();
    // It is asked until it is there again.
    if (error?.code === 'unreachable') void connection.connect();
  }

  private change(conversationId: string, messageId: string, change: Partial<Message>): void {
    const { library } = this.options;
    const conversation = library.find(conversationId);
    if (conversation) library.change(changeMessage(conversation, messageId, change));
  }
}

/** At most one call a frame, with the newest value. */
function throttled<T>(onFrame: OnFrame, call: (value: T) => void): ((value: T) => void) & { cancel(): void } {
  let newest: T;
  let cancelFrame: (() => void) | undefined;
  const schedule = (value: T): void => {
    newest = value;
    cancelFrame ??= onFrame(() => {
      cancelFrame = undefined;
      call(newest);
    });
  };
  return Object.assign(schedule, { cancel: () => cancelFrame?.() });
}
