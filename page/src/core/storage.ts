import type { Conversation } from './conversation.ts';
import type { Recording } from './recording.ts';

const NAME = 'dots';
const VERSION = 1;

/** Conversations and recordings of routing, kept in the browser's database. Nothing leaves the machine. */
export class Storage {
  private readonly database: IDBDatabase;

  private constructor(database: IDBDatabase) {
    this.database = database;
  }

  /** Undefined where the browser gives no database (some private windows): the page then forgets when it closes. */
  static async open(): Promise<Storage | undefined> {
    try {
      const request = indexedDB.open(NAME, VERSION);
      request.onupgradeneeded = () => {
        request.result.createObjectStore('conversations', { keyPath: 'id' });
        request.result.createObjectStore('recordings');
      };
      return new Storage(await settled(request));
    } catch {
      return undefined;
    }
  }

  async conversations(): Promise<readonly Conversation[]> {
    const store = this.database.transaction('conversations').objectStore('conversations');
    return (await settled(store.getAll())) as Conversation[];
  }

  async save(conversation: Conversation): Promise<void> {
    const transaction = this.database.transaction('conversations', 'readwrite');
    await settled(transaction.objectStore('conversations').put(conversation));
  }

  async recording(messageId: string): Promise<Recording | undefined> {
    const store = this.database.transaction('recordings').objectStore('recordings');
    return (await settled(store.get(messageId))) as Recording | undefined;
  }

  async saveRecording(messageId: string, recording: Recording): Promise<void> {
    const transaction = this.database.transaction('recordings', 'readwrite');
    // A copy: the ids are a view of a larger array while an answer streams.
    await settled(
      transaction.objectStore('recordings').put({ ...recording, ids: recording.ids.slice() }, messageId),
    );
  }

  async remove(conversation: Conversation): Promise<void> {
    const transaction = this.database.transaction(['conversations', 'recordings'], 'readwrite');
    for (const id of Object.keys(conversation.nodes)) transaction.objectStore('recordings').delete(id);
    await settled(transaction.objectStore('conversations').delete(conversation.id));
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
