import type { Library } from './library.ts';
import type { Recordings } from './recordings.ts';
import { exportJson, importFile, joinConversations } from './transfer.ts';

/** Conversations, with what was recorded of them, to files and from them. */
export class ConversationFiles {
  private readonly library: Library;
  private readonly recordings: Recordings;

  constructor(library: Library, recordings: Recordings) {
    this.library = library;
    this.recordings = recordings;
  }

  async export(ids: readonly string[]): Promise<string> {
    const conversations = this.library.conversations.value.filter(({ id }) => ids.includes(id));
    const messages = conversations.flatMap(({ nodes }) => Object.keys(nodes));
    await Promise.all(messages.map((id) => this.recordings.load(id)));
    const recordings = new Map([...this.recordings.loaded.value].filter(([id]) => messages.includes(id)));
    return exportJson({ conversations, recordings });
  }

  exportAll(): Promise<string> {
    return this.export(this.library.conversations.value.map(({ id }) => id));
  }

  /** Returns how many conversations came, and the newest of them. Throws for files that are not an export. */
  async import(text: string): Promise<{ readonly count: number; readonly newest: string | undefined }> {
    const { conversations, recordings } = importFile(text, (message) => this.library.ownerOf(message));
    const changed = conversations.map((imported) => {
      const before = this.library.find(imported.id);
      const after = before ? joinConversations(before, imported) : imported;
      // What was deleted comes back, because the person asks for it.
      const restored = [imported.id, ...Object.keys(imported.nodes)];
      return after === before ? undefined : this.library.put(after, restored);
    });
    for (const [id, recording] of recordings) {
      if (!this.recordings.loaded.value.has(id)) this.recordings.add(id, recording);
    }
    await Promise.all(changed);
    for (const id of recordings.keys()) await this.recordings.save(id);
    const newest = [...conversations].sort((a, b) => b.updated - a.updated)[0];
    return { count: conversations.length, newest: newest?.id };
  }
}
