import type { ApiClient } from './api.ts';
import type { Connection } from './connection.ts';
import { addMessage, type Conversation, changeMessage, type Message, pathOf } from './conversation.ts';
import { type Outcome, type Progress, requestMessages, runGeneration } from './generation.ts';
import { newId } from './ids.ts';
import type { Library } from './library.ts';
import { Observable } from './observable.ts';
import type { Recordings } from './recordings.ts';
import { type Settings, samplingFields } from './settings.ts';
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

interface Running {
  readonly conversation: string;
  readonly controller: AbortController;
}

/** Answers that this tab is writing. */
export class Answers {
  /** By message. */
  readonly progress = new Observable<ReadonlyMap<string, Progress>>(new Map());
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
  async write(before: Conversation, parent: string): Promise<void> {
    const { connection, library, recordings, settings } = this.options;
    const { sampling, recordsRouting, recordsOdds } = settings.value;
    const id = newId();
    const message: Message = {
      id,
      parent,
      role: 'assistant',
      content: '',
      created: Date.now(),
      status: 'streaming',
    };
    const conversation = addMessage(before, message);
    const controller = new AbortController();
    this.running.set(id, { conversation: conversation.id, controller });
    void library.put(conversation);
    this.announce(id);
    // The question may have come before the server's first word, or while it was away.
    await connection.settled(controller.signal);
    const server = connection.state.value;
    const model = server.status === 'ready' ? server.model.id : 'default';
    const show = throttled(this.options.onFrame, (progress: Progress) => {
      this.progress.update((all) => new Map([...all, [id, progress]]));
      this.change(conversation.id, id, { content: progress.content });
    });
    let savedMs = Date.now();
    const { outcome, recording } = await runGeneration({
      api: this.options.api,
      request: {
        model,
        messages: requestMessages(conversation.system, pathOf(conversation, parent)),
        fields: samplingFields(sampling),
      },
      layout: recordsRouting && server.status === 'ready' ? server.experts?.layout : undefined,
      odds: recordsOdds,
      before: undefined,
      signal: controller.signal,
      now: () => performance.now(),
      onProgress: (progress) => {
        show(progress);
        if (Date.now() - savedMs <= SAVE_EVERY_MS) return;
        savedMs = Date.now();
        this.announce(id);
        void library.save(conversation.id);
      },
    });
    show.cancel();
    this.running.delete(id);
    // It may have been deleted in the meantime.
    const isThere = library.find(conversation.id)?.nodes[id] !== undefined;
    if (recording && isThere) recordings.add(id, recording);
    this.change(conversation.id, id, { ...outcome, model });
    this.progress.update((all) => new Map([...all].filter(([other]) => other !== id)));
    this.noteFailure(outcome);
    await library.save(conversation.id);
    if (recording && isThere) await recordings.save(id);
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
