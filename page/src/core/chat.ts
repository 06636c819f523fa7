import type { Api } from './api.ts';
import { Connection } from './connection.ts';
import {
  addMessage,
  type Conversation,
  changeMessage,
  type Message,
  newConversation,
  pathOf,
  rename,
  showBranch,
} from './conversation.ts';
import { type Progress, requestMessages, runGeneration } from './generation.ts';
import { Observable } from './observable.ts';
import type { Recording } from './recording.ts';
import { type Settings, samplingFields } from './settings.ts';
import type { Storage } from './storage.ts';
import { type Bundle, exportJson, importJson } from './transfer.ts';

export interface ChatOptions {
  readonly api: Api;
  readonly storage: Storage | undefined;
  readonly settings: Observable<Settings>;
  readonly conversations: readonly Conversation[];
}

/** How often an answer that is being written is saved, so that a reload in its middle loses little. */
const SAVE_EVERY_MS = 1000;

/** Everything a person can do with conversations. The interface calls these methods and shows the observables. */
export class Chat {
  readonly conversations: Observable<readonly Conversation[]>;
  readonly currentId = new Observable<string | undefined>(undefined);
  /** Of answers that are being written, by message. */
  readonly progress = new Observable<ReadonlyMap<string, Progress>>(new Map());
  /** Recorded routing by message, as far as it has been loaded. */
  readonly recordings = new Observable<ReadonlyMap<string, Recording>>(new Map());
  readonly server: Connection['state'];
  private readonly api: Api;
  private readonly connection: Connection;
  private readonly storage: Storage | undefined;
  private readonly settings: Observable<Settings>;
  private readonly running = new Map<string, AbortController>();
  private readonly asked = new Set<string>();

  constructor({ api, storage, settings, conversations }: ChatOptions) {
    this.api = api;
    this.storage = storage;
    this.settings = settings;
    this.connection = new Connection(api, () => settings.value.apiKey !== '');
    this.server = this.connection.state;
    // An answer that was being written when the page closed will not continue.
    this.conversations = new Observable(conversations.map(endStreaming));
  }

  get current(): Conversation | undefined {
    return this.find(this.currentId.value);
  }

  get hasStorage(): boolean {
    return this.storage !== undefined;
  }

  /** Find out what the server is; `server` has the result. */
  connect(): Promise<void> {
    return this.connection.connect();
  }

  /** What the server has counted by now. */
  async refreshExperts(): Promise<void> {
    const server = this.server.value;
    if (server.status !== 'ready') return;
    const experts = await this.api.experts().catch(() => undefined);
    if (experts) this.server.set({ ...server, experts });
  }

  show(id: string | undefined): void {
    this.currentId.set(id);
  }

  /** Ask in the current conversation, or begin one. */
  async send(text: string): Promise<void> {
    const conversation = this.current ?? newConversation(newId(), this.settings.value.system, Date.now());
    this.currentId.set(conversation.id);
    await this.ask(conversation, text, conversation.leaf);
  }

  /** The same place in the tree, another question. */
  async edit(id: string, text: string): Promise<void> {
    const conversation = this.current;
    const message = conversation?.nodes[id];
    if (conversation && message) await this.ask(conversation, text, message.parent);
  }

  /** Another answer to the same question. */
  async regenerate(id: string): Promise<void> {
    const conversation = this.current;
    const message = conversation?.nodes[id];
    if (conversation && message?.parent) await this.answer(conversation, message.parent);
  }

  /** An answer that failed before it began is replaced; one with text is kept as a branch. */
  async retry(id: string): Promise<void> {
    const conversation = this.current;
    const message = conversation?.nodes[id];
    if (!conversation || !message?.parent) return;
    const nodes = { ...conversation.nodes };
    if (message.content === '') delete nodes[id];
    await this.answer({ ...conversation, nodes }, message.parent);
  }

  /** Ends the answer that is being written in the current conversation. */
  stop(): void {
    const { leaf } = this.current ?? { leaf: null };
    if (leaf !== null) this.running.get(leaf)?.abort();
  }

  showBranch(id: string): void {
    if (this.current) this.put(showBranch(this.current, id));
  }

  setSystem(system: string): void {
    if (this.current) this.put({ ...this.current, system });
  }

  rename(id: string, title: string): void {
    const conversation = this.find(id);
    if (conversation) this.put(rename(conversation, title));
  }

  async remove(id: string): Promise<void> {
    const conversation = this.find(id);
    if (!conversation) return;
    for (const messageId of Object.keys(conversation.nodes)) this.running.get(messageId)?.abort();
    this.conversations.update((all) => all.filter((other) => other.id !== id));
    if (this.currentId.value === id) this.currentId.set(undefined);
    await this.storage?.remove(conversation);
  }

  async export(ids: readonly string[]): Promise<string> {
    const conversations = this.conversations.value.filter(({ id }) => ids.includes(id));
    const messages = conversations.flatMap(({ nodes }) => Object.keys(nodes));
    await Promise.all(messages.map((id) => this.loadRecording(id)));
    const recordings = new Map([...this.recordings.value].filter(([id]) => messages.includes(id)));
    return exportJson({ conversations, recordings });
  }

  /** Returns how many conversations came. Throws for files that are not an export. */
  async import(text: string): Promise<number> {
    const bundle: Bundle = importJson(text, newId);
    this.conversations.update((all) => [...all, ...bundle.conversations]);
    this.recordings.update((all) => new Map([...all, ...bundle.recordings]));
    for (const conversation of bundle.conversations) await this.storage?.save(conversation);
    for (const [id, recording] of bundle.recordings) await this.storage?.saveRecording(id, recording);
    const newest = [...bundle.conversations].sort((a, b) => b.updated - a.updated)[0];
    if (newest) this.currentId.set(newest.id);
    return bundle.conversations.length;
  }

  /** Brings a recording from the database into `recordings`, once. */
  async loadRecording(messageId: string): Promise<void> {
    if (this.asked.has(messageId) || this.recordings.value.has(messageId)) return;
    this.asked.add(messageId);
    const recording = await this.storage?.recording(messageId);
    if (recording) this.recordings.update((all) => new Map([...all, [messageId, recording]]));
  }

  private async ask(conversation: Conversation, text: string, parent: string | null): Promise<void> {
    const question: Message = {
      id: newId(),
      parent,
      role: 'user',
      content: text,
      created: Date.now(),
      status: 'done',
    };
    await this.answer(addMessage(conversation, question), question.id);
  }

  private async answer(before: Conversation, parent: string): Promise<void> {
    const { sampling, recordsRouting, recordsOdds } = this.settings.value;
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
    this.put(conversation);
    const controller = new AbortController();
    this.running.set(id, controller);
    // The question may have come before the server's first word, or while it was away.
    await this.connection.settled(controller.signal);
    const server = this.server.value;
    const model = server.status === 'ready' ? server.model.id : 'default';
    const show = throttled((progress: Progress) => {
      this.progress.update((all) => new Map([...all, [id, progress]]));
      this.change(conversation.id, id, { content: progress.content });
    });
    let savedMs = Date.now();
    const { outcome, recording } = await runGeneration({
      api: this.api,
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
        const current = this.find(conversation.id);
        if (current && Date.now() - savedMs > SAVE_EVERY_MS) {
          savedMs = Date.now();
          void this.storage?.save(current);
        }
      },
    });
    show.cancel();
    this.running.delete(id);
    if (recording && this.find(conversation.id)) {
      this.recordings.update((all) => new Map([...all, [id, recording]]));
    }
    this.change(conversation.id, id, { ...outcome, model });
    this.progress.update((all) => new Map([...all].filter(([other]) => other !== id)));
    // It may have been deleted in the meantime.
    const ended = this.find(conversation.id);
    if (ended) await this.storage?.save(ended);
    if (ended && recording) await this.storage?.saveRecording(id, recording);
    if (outcome.error?.code === 'invalid_api_key') this.connection.refuseKey();
    // It is asked until it is there again.
    if (outcome.error?.code === 'unreachable') void this.connect();
  }

  private find(id: string | undefined): Conversation | undefined {
    return this.conversations.value.find((conversation) => conversation.id === id);
  }

  private change(conversationId: string, messageId: string, change: Partial<Message>): void {
    const update = (conversation: Conversation): Conversation =>
      conversation.id === conversationId ? changeMessage(conversation, messageId, change) : conversation;
    this.conversations.update((all) => all.map(update));
  }

  private put(conversation: Conversation): void {
    this.conversations.update((all) => {
      const others = all.filter(({ id }) => id !== conversation.id);
      return [...others, conversation];
    });
    void this.storage?.save(conversation);
  }
}

function newId(): string {
  // Not randomUUID: browsers keep that from pages that came over plain HTTP from another machine.
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function endStreaming(conversation: Conversation): Conversation {
  const cut = Object.values(conversation.nodes).filter(({ status }) => status === 'streaming');
  return cut.reduce((all, { id }) => changeMessage(all, id, { status: 'stopped' }), conversation);
}

/** At most one call a frame, with the newest value; in a hidden tab, where there are no frames, a few a second. */
function throttled<T>(call: (value: T) => void): ((value: T) => void) & { cancel(): void } {
  let newest: T;
  let frame: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const cancel = (): void => {
    if (frame !== undefined) cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = undefined;
    timer = undefined;
  };
  const fire = (): void => {
    cancel();
    call(newest);
  };
  const schedule = (value: T): void => {
    newest = value;
    if (frame !== undefined) return;
    frame = requestAnimationFrame(fire);
    timer = setTimeout(fire, 250);
  };
  return Object.assign(schedule, { cancel });
}
