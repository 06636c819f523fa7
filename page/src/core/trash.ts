import type { Answers } from './answers.ts';
import { removeBranch, titleFrom } from './conversation.ts';
import type { Drafts } from './drafts.ts';
import type { Library } from './library.ts';
import { Observable } from './observable.ts';
import type { Recordings } from './recordings.ts';

export interface TrashOptions {
  readonly library: Library;
  readonly answers: Answers;
  readonly recordings: Recordings;
  readonly drafts: Drafts;
  readonly currentId: Observable<string | undefined>;
}

export interface Deletion {
  readonly title: string;
  readonly undo: () => Promise<void>;
  readonly end: () => Promise<void>;
}

/** Deletes conversations and messages, and brings back what was deleted last. */
export class Trash {
  /** What was deleted last, as long as it can be brought back. */
  readonly newest = new Observable<Deletion | undefined>(undefined);
  private readonly options: TrashOptions;

  constructor(options: TrashOptions) {
    this.options = options;
  }

  async removeConversation(id: string): Promise<void> {
    const { library, answers, recordings, drafts, currentId } = this.options;
    const conversation = library.find(id);
    if (!conversation) return;
    const messages = Object.keys(conversation.nodes);
    for (const message of messages) answers.stop(message);
    const removed = library.remove(id);
    if (currentId.value === id) currentId.set(undefined);
    drafts.set(id, '');
    this.offer({
      title: conversation.title,
      undo: async () => {
        await library.put(conversation, [id]);
        currentId.set(id);
      },
      end: () => recordings.forget(messages),
    });
    await removed;
    // There may be room now.
    if (library.problem.value) await library.saveAll();
  }

  /** A message of the current conversation and all that follows it in every branch. */
  async removeMessage(id: string): Promise<void> {
    const { library, answers, recordings, currentId } = this.options;
    const before = library.find(currentId.value);
    if (!before?.nodes[id]) return;
    const { conversation, removed } = removeBranch(before, id);
    const ids = removed.map((message) => message.id);
    for (const message of ids) answers.stop(message);
    this.offer({
      title: titleFrom(removed[0].content),
      undo: async () => {
        const now = library.find(before.id);
        const nodes = Object.fromEntries(removed.map((message) => [message.id, message]));
        if (now) await library.put({ ...now, nodes: { ...now.nodes, ...nodes }, leaf: before.leaf }, ids);
      },
      end: () => recordings.forget(ids),
    });
    await library.put(conversation);
  }

  /** Brings back what was deleted last. */
  async undo(): Promise<void> {
    const deletion = this.newest.value;
    this.newest.set(undefined);
    await deletion?.undo();
  }

  /** What was deleted last is gone for good. */
  async endUndo(): Promise<void> {
    const deletion = this.newest.value;
    this.newest.set(undefined);
    await deletion?.end();
  }

  private offer(deletion: Deletion): void {
    void this.endUndo();
    this.newest.set(deletion);
  }
}
