import { applyChange, type Change, changeBetween, joinChanges } from './change.ts';
import { type Conversation, changeMessage, pathOf, showBranch } from './conversation.ts';
import { Observable } from './observable.ts';
import { isFull, type Storage } from './storage.ts';
import type { Channel } from './tabs.ts';

export interface LibraryOptions {
  readonly storage: Storage | undefined;
  readonly channel: Channel | undefined;
  readonly conversations: readonly Conversation[];
  /** Whether some tab is writing a message. */
  readonly isAnswering: (messageId: string) => boolean;
}

export type SaveProblem = 'full' | 'failed';

/**
 * The conversations of this tab. Each is what the database holds plus what this tab has changed and not yet written, so that
 * reading it again after another tab's change loses nothing.
 */
export class Library {
  readonly conversations: Observable<readonly Conversation[]>;
  /** Why some change is not in the database; undefined where all of them are. */
  readonly problem = new Observable<SaveProblem | undefined>(undefined);
  private readonly storage: Storage | undefined;
  private readonly channel: Channel | undefined;
  /** Changes that are to be written, and those that are being written, by conversation. */
  private readonly unsaved = new Map<string, Change>();
  private readonly saving = new Map<string, Change>();
  private readonly removing = new Set<string>();
  private readonly queues = new Map<string, Promise<void>>();
  private readonly isAnswering: LibraryOptions['isAnswering'];

  constructor({ storage, channel, conversations, isAnswering }: LibraryOptions) {
    this.storage = storage;
    this.channel = channel;
    this.isAnswering = isAnswering;
    this.conversations = new Observable(
      conversations.map((conversation) => endStreaming(conversation, () => false)),
    );
  }

  find(id: string | undefined): Conversation | undefined {
    return this.conversations.value.find((conversation) => conversation.id === id);
  }

  /** The conversation that has a message. */
  ownerOf(messageId: string): string | undefined {
    return this.conversations.value.find(({ nodes }) => messageId in nodes)?.id;
  }

  /** Changes a conversation for those who look at it; `save` keeps the change. Adds one that is new. */
  change(after: Conversation, restored: readonly string[] = []): void {
    const { id } = after;
    const change = { ...changeBetween(this.find(id), after), restored };
    this.unsaved.set(id, joinChanges(this.unsaved.get(id), change));
    this.show(id, after);
  }

  /** One write at a time for each conversation. A change that cannot be written stays, and is tried again with the next. */
  save(id: string): Promise<void> {
    return this.enqueue(id, () => this.write(id));
  }

  /** Everything that could not be written before. */
  async saveAll(): Promise<void> {
    await Promise.all([...this.unsaved.keys()].map((id) => this.save(id)));
  }

  async put(after: Conversation, restored: readonly string[] = []): Promise<void> {
    this.change(after, restored);
    await this.save(after.id);
  }

  async remove(id: string): Promise<void> {
    this.unsaved.delete(id);
    this.removing.add(id);
    this.show(id, undefined);
    await this.enqueue(id, async () => {
      try {
        await this.storage?.remove(id);
      } finally {
        this.removing.delete(id);
      }
      this.announce(id);
    });
  }

  /** Another tab has changed it. */
  async refresh(id: string): Promise<void> {
    if (!this.storage) return;
    const read = await this.storage.conversation(id);
    // The database takes turns: what this tab wrote after it began to read is still among these changes.
    if (this.removing.has(id)) return;
    const changes = [this.saving.get(id), this.unsaved.get(id)].filter((change) => change !== undefined);
    // It was deleted, and is brought back here.
    if (!read && changes.some(({ header }) => header.created !== undefined)) return;
    if (!read) this.unsaved.delete(id);
    const merged = read && endStreaming(changes.reduce(applyChange, read), this.isAnswering);
    const before = this.find(id);
    this.show(id, merged && before ? keepPlace(before, merged) : merged);
  }

  private enqueue(id: string, work: () => Promise<void>): Promise<void> {
    const done = (this.queues.get(id) ?? Promise.resolve()).then(work).then(
      () => {
        if (this.unsaved.size === 0) this.problem.set(undefined);
      },
      (error: unknown) => this.problem.set(isFull(error) ? 'full' : 'failed'),
    );
    this.queues.set(id, done);
    return done;
  }

  private async write(id: string): Promise<void> {
    const change = this.unsaved.get(id);
    // What has been changed since a deletion began is written after it.
    if (!change || !this.storage || this.removing.has(id)) return;
    this.unsaved.delete(id);
    this.saving.set(id, change);
    try {
      const isKnown = await this.storage.write(id, change);
      const conversation = this.find(id);
      // Somebody has cleared the database while the page was open.
      if (!isKnown && conversation) await this.storage.write(id, changeBetween(undefined, conversation));
      this.announce(id);
    } catch (error) {
      this.unsaved.set(id, joinChanges(change, this.unsaved.get(id)));
      throw error;
    } finally {
      this.saving.delete(id);
    }
  }

  private announce(id: string): void {
    this.channel?.postMessage({ type: 'changed', conversation: id });
  }

  private show(id: string, conversation: Conversation | undefined): void {
    this.conversations.update((all) => {
      if (conversation && all.some((other) => other.id === id))
        return all.map((other) => (other.id === id ? conversation : other));
      const others = all.filter((other) => other.id !== id);
      return conversation ? [...others, conversation] : others;
    });
  }
}

/** An answer that was being written when its tab closed will not continue. */
function endStreaming(conversation: Conversation, isAnswering: (id: string) => boolean): Conversation {
  const cut = Object.values(conversation.nodes).filter(
    ({ id, status }) => status === 'streaming' && !isAnswering(id),
  );
  return cut.reduce((all, { id }) => changeMessage(all, id, { status: 'stopped' }), conversation);
}

/** Another tab's work does not take the reader to another branch, but is followed where it continues this one. */
function keepPlace(before: Conversation, after: Conversation): Conversation {
  const { leaf } = before;
  if (leaf === null || !(leaf in after.nodes)) return after;
  const isContinued = pathOf(after).some(({ id }) => id === leaf);
  return isContinued ? after : showBranch(after, leaf);
}
