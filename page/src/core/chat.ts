import { Answers, type OnFrame, type Variation } from './answers.ts';
import type { ApiClient } from './api.ts';
import { Connection } from './connection.ts';
import { isContextFull } from './context-fit.ts';
import {
  addMessage,
  type Conversation,
  type Message,
  newConversation,
  pathOf,
  rename,
  showBranch,
  withoutEmpty,
} from './conversation.ts';
import { ConversationFiles } from './conversation-files.ts';
import type { Drafts } from './drafts.ts';
import { Elsewhere } from './elsewhere.ts';
import { newId } from './ids.ts';
import { Library } from './library.ts';
import { Observable } from './observable.ts';
import type { Recording } from './recording.ts';
import { Recordings } from './recordings.ts';
import type { Settings } from './settings.ts';
import type { Storage, Usage } from './storage.ts';
import type { Channel, TabMessage } from './tabs.ts';
import { Trash } from './trash.ts';

export interface ChatOptions {
  readonly api: ApiClient;
  readonly storage: Storage | undefined;
  /** To the page's other tabs. */
  readonly channel: Channel | undefined;
  readonly settings: Observable<Settings>;
  readonly conversations: readonly Conversation[];
  readonly onFrame: OnFrame;
  readonly drafts: Drafts;
}

/** Everything a person can do with conversations. The interface calls these methods and shows the observables. */
export class Chat {
  readonly conversations: Library['conversations'];
  readonly currentId = new Observable<string | undefined>(undefined);
  /** A message that was searched for and is to be scrolled to. */
  readonly sought = new Observable<string | undefined>(undefined);
  readonly drafts: Drafts;
  /** Of answers that are being written, by message. */
  readonly progress: Answers['progress'];
  /** Recorded routing by message, as far as it has been loaded. */
  readonly recordings: Observable<ReadonlyMap<string, Recording>>;
  readonly server: Connection['state'];
  readonly exchanges: Answers['exchanges'];
  readonly ended: Answers['ended'];
  readonly trash: Trash;
  readonly files: ConversationFiles;
  readonly hasStorage: boolean;
  /** Why some of what is shown is not saved. */
  readonly saveProblem: Library['problem'];
  private readonly storage: Storage | undefined;
  private readonly api: ApiClient;
  private readonly connection: Connection;
  private readonly library: Library;
  private readonly routing: Recordings;
  private readonly answers: Answers;
  private readonly elsewhere: Elsewhere;
  private readonly channel: Channel | undefined;
  private readonly settings: Observable<Settings>;

  constructor({ api, storage, channel, settings, conversations, onFrame, drafts }: ChatOptions) {
    this.api = api;
    this.settings = settings;
    this.drafts = drafts;
    this.channel = channel;
    this.storage = storage;
    this.hasStorage = storage !== undefined;
    this.connection = new Connection(api, () => settings.value.apiKey !== '');
    this.server = this.connection.state;
    this.routing = new Recordings(storage, channel);
    this.recordings = this.routing.loaded;
    this.elsewhere = new Elsewhere(channel, (id) => void this.refresh(id));
    this.library = new Library({
      storage,
      channel,
      conversations,
      isAnswering: (id) => this.answers.isRunning(id) || this.elsewhere.isWriting(id),
    });
    this.conversations = this.library.conversations;
    this.saveProblem = this.library.problem;
    const { connection, library, routing: recordings } = this;
    this.answers = new Answers({ api, connection, library, recordings, settings, channel, onFrame });
    this.progress = this.answers.progress;
    this.exchanges = this.answers.exchanges;
    this.ended = this.answers.ended;
    const { answers, currentId } = this;
    this.trash = new Trash({ library, answers, recordings, drafts, currentId });
    this.files = new ConversationFiles(library, recordings);
    if (channel) channel.onmessage = ({ data }) => void this.hear(data as TabMessage);
    this.elsewhere.ask();
  }

  get current(): Conversation | undefined {
    return this.library.find(this.currentId.value);
  }

  /** Whether the branch that is shown ends with an answer that is still being written, here or in another tab. */
  get isAnswering(): boolean {
    const { current } = this;
    return current?.leaf != null && current.nodes[current.leaf]?.status === 'streaming';
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

  /** What the server says about its model now. */
  props(): Promise<unknown> {
    return this.api.props();
  }

  /** Opens a conversation, at a message of any of its branches or at its end. */
  show(id: string | undefined, message?: string): void {
    const conversation = this.library.find(id);
    if (conversation && message !== undefined && !pathOf(conversation).some((one) => one.id === message))
      void this.library.put(showBranch(conversation, message));
    this.sought.set(message);
    this.currentId.set(id);
  }

  /** Ask in the current conversation, or begin one. While it is being answered, nothing is sent. */
  async send(text: string): Promise<void> {
    if (this.isAnswering) return;
    const conversation = this.current ?? newConversation(newId(), this.settings.value.system, Date.now());
    this.currentId.set(conversation.id);
    await this.ask(conversation, text, conversation.leaf);
    await this.storage?.persist();
  }

  /** Try again to save what could not be saved. */
  saveAgain(): Promise<void> {
    return this.library.saveAll();
  }

  /** How much the browser's database holds. */
  usage(): Promise<Usage> | undefined {
    return this.storage?.usage();
  }

  /** Of all conversations, in all tabs. */
  forgetRecordings(): Promise<void> {
    return this.routing.forget(this.conversations.value.flatMap(({ nodes }) => Object.keys(nodes)));
  }

  /** The same place in the tree, another question. */
  async edit(id: string, text: string): Promise<void> {
    const conversation = this.current;
    const message = conversation?.nodes[id];
    if (conversation && message) await this.ask(conversation, text, message.parent);
  }

  /** Another answer to the same question. One without text is replaced. */
  async regenerate(id: string, variation?: Variation): Promise<void> {
    const conversation = this.current;
    const message = conversation?.nodes[id];
    // Twice in one moment is once, but for answers that are to differ.
    if (!conversation || !message?.parent || (this.isAnswering && !variation)) return;
    this.sought.set(undefined);
    await this.answers.write(withoutEmpty(conversation, message), message.parent, variation);
  }

  /** An answer that was stopped or cut is continued where it ended. */
  async continue(id: string): Promise<void> {
    const conversation = this.current;
    const message = conversation?.nodes[id];
    if (!conversation || !message?.parent || this.isAnswering) return;
    const trims = conversation.trims || isContextFull(message, this.contextLength);
    await this.answers.continue({ ...conversation, trims }, message);
  }

  /** Ask again with as many of the newest turns as the context holds, and from now on. */
  async leaveOutOldest(id: string): Promise<void> {
    this.setTrims(true);
    await this.regenerate(id);
  }

  /** Whether the oldest turns of the current conversation are left out where the context cannot hold all. */
  setTrims(trims: boolean): void {
    if (this.current) void this.library.put({ ...this.current, trims });
  }

  get contextLength(): number | undefined {
    const { value } = this.server;
    return value.status === 'ready' ? value.model.contextLength : undefined;
  }

  /** Ends the answer that is being written in the current conversation. */
  stop(): void {
    const { leaf } = this.current ?? { leaf: null };
    if (leaf === null || !this.isAnswering) return;
    if (this.answers.isRunning(leaf)) this.answers.stop(leaf);
    else this.channel?.postMessage({ type: 'stop', message: leaf });
  }

  showBranch(id: string): void {
    if (this.current) void this.library.put(showBranch(this.current, id));
  }

  setSystem(system: string): void {
    if (this.current) void this.library.put({ ...this.current, system });
  }

  rename(id: string, title: string): void {
    const conversation = this.library.find(id);
    if (conversation) void this.library.put(rename(conversation, title));
  }

  pin(id: string, isPinned: boolean): void {
    const conversation = this.library.find(id);
    if (conversation) void this.library.put({ ...conversation, isPinned });
  }

  /** An answer in other words than the model's, as another version of it. */
  editAnswer(id: string, content: string): void {
    const conversation = this.current;
    const message = conversation?.nodes[id];
    if (!conversation || !message) return;
    const { parent, role, model } = message;
    const edited: Message = {
      id: newId(),
      parent,
      role,
      content,
      created: Date.now(),
      status: 'done',
      ...(model !== undefined && { model }),
    };
    void this.library.put(addMessage(conversation, edited));
  }

  /** Returns how many conversations came, and shows the newest. Throws for files that are not an export. */
  async import(text: string): Promise<number> {
    const { count, newest } = await this.files.import(text);
    if (newest !== undefined) this.currentId.set(newest);
    return count;
  }

  loadRecording(messageId: string): Promise<void> {
    return this.routing.load(messageId);
  }

  private async ask(conversation: Conversation, text: string, parent: string | null): Promise<void> {
    this.sought.set(undefined);
    const question: Message = {
      id: newId(),
      parent,
      role: 'user',
      content: text,
      created: Date.now(),
      status: 'done',
    };
    await this.answers.write(addMessage(conversation, question), question.id);
  }

  /** Another tab has changed something, or asks. */
  private async hear(message: TabMessage): Promise<void> {
    switch (message.type) {
      case 'changed':
        return this.refresh(message.conversation);
      case 'recorded':
        return this.routing.refresh(message.message);
      case 'stop':
        return this.answers.stop(message.message);
      case 'who-answers':
        return this.answers.announce();
      case 'answering':
        if (this.elsewhere.hear(message.conversation, message.message))
          await this.refresh(message.conversation);
    }
  }

  private async refresh(id: string): Promise<void> {
    const before = Object.keys(this.library.find(id)?.nodes ?? {});
    await this.library.refresh(id);
    const after = this.library.find(id);
    for (const message of before) if (!after?.nodes[message]) this.answers.stop(message);
    if (this.currentId.value === id && !after) this.currentId.set(undefined);
  }
}
