import { type Change, type Header, mergeHeader } from './change.ts';
import type { Conversation } from './conversation.ts';
import type { Recording } from './recording.ts';
import { fromRecords, type HeaderRecord, isDeleted, type MessageRecord, toRecords } from './records.ts';

const NAME = 'dots';
const VERSION = 2;
const CONVERSATIONS = ['conversations', 'messages'];

export interface StorageOptions {
  readonly factory: IDBFactory;
  /** A tab that runs an older version of the page keeps this one from opening the database. */
  readonly onBlocked: () => void;
}

/**
 * Conversations and recordings of routing, kept in the browser's database. Nothing leaves the machine. Each message is a
 * record of its own and a change is one transaction that reads, merges and writes: tabs do not overwrite each other's work.
 */
export class Storage {
  private readonly database: IDBDatabase;

  private constructor(database: IDBDatabase) {
    this.database = database;
    // A newer version of the page in another tab is not kept waiting; writing fails from now on, and the page says so.
    database.onversionchange = () => database.close();
  }

  /** Undefined where the browser gives no database (some private windows): the page then forgets when it closes. */
  static async open({ factory, onBlocked }: StorageOptions): Promise<Storage | undefined> {
    try {
      const request = factory.open(NAME, VERSION);
      request.onblocked = onBlocked;
      request.onupgradeneeded = ({ oldVersion }) => upgrade(request, oldVersion);
      return new Storage(await settled(request));
    } catch {
      return undefined;
    }
  }

  async conversations(): Promise<readonly Conversation[]> {
    const transaction = this.database.transaction(CONVERSATIONS);
    const [headers, messages] = await Promise.all([
      settled(transaction.objectStore('conversations').getAll() as IDBRequest<HeaderRecord[]>),
      settled(transaction.objectStore('messages').getAll() as IDBRequest<MessageRecord[]>),
    ]);
    const byConversation = new Map<string, MessageRecord[]>();
    for (const message of messages) {
      const others = byConversation.get(message.conversation);
      if (others) others.push(message);
      else byConversation.set(message.conversation, [message]);
    }
    return headers.flatMap((header) => fromRecords(header, byConversation.get(header.id) ?? []) ?? []);
  }

  async conversation(id: string): Promise<Conversation | undefined> {
    const transaction = this.database.transaction(CONVERSATIONS);
    const [header, messages] = await Promise.all([
      settled(transaction.objectStore('conversations').get(id) as IDBRequest<HeaderRecord | undefined>),
      settled(transaction.objectStore('messages').getAll(messagesOf(id)) as IDBRequest<MessageRecord[]>),
    ]);
    return fromRecords(header, messages);
  }

  /** False where the database does not have the conversation, so that a part of it alone cannot be written. */
  write(id: string, change: Change): Promise<boolean> {
    return this.transact(CONVERSATIONS, async (transaction) => {
      const headers = transaction.objectStore('conversations');
      const before = await settled(headers.get(id) as IDBRequest<HeaderRecord | undefined>);
      if (isDeleted(before) && !change.restored.includes(id)) return true;
      const isWhole = change.header.created !== undefined;
      if (!isWhole && (!before || isDeleted(before))) return false;
      const known: Partial<Header> = before && !isDeleted(before) ? before : {};
      headers.put({ ...known, ...mergeHeader(known, change.header), id });
      await writeMessages(transaction.objectStore('messages'), id, change);
      return true;
    });
  }

  async remove(id: string): Promise<void> {
    await this.transact(CONVERSATIONS, (transaction) => {
      transaction.objectStore('messages').delete(messagesOf(id));
      transaction.objectStore('conversations').put({ id, deleted: Date.now() });
    });
  }

  async recording(messageId: string): Promise<Recording | undefined> {
    const store = this.database.transaction('recordings').objectStore('recordings');
    return (await settled(store.get(messageId))) as Recording | undefined;
  }

  async saveRecording(messageId: string, recording: Recording): Promise<void> {
    await this.transact(['recordings'], (transaction) => {
      // A copy: the ids are a view of a larger array while an answer streams.
      transaction.objectStore('recordings').put({ ...recording, ids: recording.ids.slice() }, messageId);
    });
  }

  async removeRecordings(messageIds: readonly string[]): Promise<void> {
    await this.transact(['recordings'], (transaction) => {
      for (const id of messageIds) transaction.objectStore('recordings').delete(id);
    });
  }

  /** A full disk shows itself only when the transaction ends. */
  private async transact<T>(
    stores: readonly string[],
    work: (transaction: IDBTransaction) => T | Promise<T>,
  ): Promise<T> {
    const transaction = this.database.transaction(stores, 'readwrite');
    const completed = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
    const [result] = await Promise.all([work(transaction), completed]);
    return result;
  }
}

async function writeMessages(store: IDBObjectStore, conversation: string, change: Change): Promise<void> {
  const existing = (id: string) =>
    settled(store.get([conversation, id]) as IDBRequest<MessageRecord | undefined>);
  for (const [id, message] of Object.entries(change.messages)) {
    const before = await existing(id);
    if (!isDeleted(before) || change.restored.includes(id)) store.put({ ...message, conversation });
  }
  for (const id of change.removed) {
    const parent = (await existing(id))?.parent ?? null;
    store.put({ id, conversation, parent, deleted: Date.now() });
  }
}

/** Version 1 kept each conversation with its messages as one record. */
function upgrade(request: IDBOpenDBRequest, oldVersion: number): void {
  const database = request.result;
  if (oldVersion < 1) {
    database.createObjectStore('conversations', { keyPath: 'id' });
    database.createObjectStore('recordings');
  }
  const messageStore = database.createObjectStore('messages', { keyPath: ['conversation', 'id'] });
  const headers = (request.transaction as IDBTransaction).objectStore('conversations');
  const cursor = headers.openCursor();
  cursor.onsuccess = () => {
    if (!cursor.result) return;
    const { header, messages } = toRecords(cursor.result.value as Conversation);
    for (const message of messages) messageStore.put(message);
    cursor.result.update(header);
    cursor.result.continue();
  };
}

function messagesOf(conversation: string): IDBKeyRange {
  // Arrays come after all strings.
  return IDBKeyRange.bound([conversation], [conversation, []]);
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
