import { type Change, type Header, mergeHeader } from './change.ts';
import type { Conversation } from './conversation.ts';
import type { Recording } from './recording.ts';
import { fromRecords, type HeaderRecord, isDeleted, type MessageRecord, toRecords } from './records.ts';
import {
  dropOldest,
  dropRecording,
  noteSizes,
  packRecordingBytes,
  type RecordingSize,
  type StoredRecording,
  sizeBytes,
  sum,
} from './stored-recordings.ts';

const NAME = 'dots';
const VERSION = 2;
const RECORDINGS = ['recordings', 'sizes'];
const CONVERSATIONS = ['conversations', 'messages'];

/** All recordings together: about 170,000 tokens of a model with 62 layers. The oldest make room. */
const RECORDINGS_LIMIT_BYTES = 64 * 2 ** 20;

export interface StorageOptions {
  readonly factory: IDBFactory;
  /** Browsers keep it from pages that came over plain HTTP from another machine. */
  readonly manager: StorageManager | undefined;
  /** A tab that runs an older version of the page keeps this one from opening the database. */
  readonly onBlocked: () => void;
}

export interface Usage {
  /** Undefined where the browser does not say. */
  readonly usedBytes: number | undefined;
  readonly quotaBytes: number | undefined;
  readonly recordingBytes: number;
}

/**
 * Conversations and recordings of routing, kept in the browser's database. Nothing leaves the machine. Each message is a
 * record of its own and a change is one transaction that reads, merges and writes: tabs do not overwrite each other's work.
 */
export class Storage {
  private readonly database: IDBDatabase;
  private readonly manager: StorageManager | undefined;
  private isPersistent = false;

  private constructor(database: IDBDatabase, manager: StorageManager | undefined) {
    this.database = database;
    this.manager = manager;
    // A newer version of the page in another tab is not kept waiting; writing fails from now on, and the page says so.
    database.onversionchange = () => database.close();
  }

  /** Undefined where the browser gives no database (some private windows): the page then forgets when it closes. */
  static async open({ factory, manager, onBlocked }: StorageOptions): Promise<Storage | undefined> {
    try {
      const request = factory.open(NAME, VERSION);
      request.onblocked = onBlocked;
      request.onupgradeneeded = ({ oldVersion }) => upgrade(request, oldVersion);
      return new Storage(await settled(request), manager);
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
      // Two tabs may import one file: what the first has changed since stays.
      const header = isWhole ? { ...change.header, ...known } : change.header;
      headers.put({ ...known, ...mergeHeader(known, header), id });
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
    const packed = await settled(store.get(messageId) as IDBRequest<StoredRecording | undefined>);
    return packed && { ...packed, ids: Uint16Array.from(packed.ids) };
  }

  /** The oldest recordings go where all of them would take more than the limit. */
  async saveRecording(messageId: string, recording: Recording): Promise<void> {
    const packed = packRecordingBytes(recording);
    await this.transact(RECORDINGS, async (transaction) => {
      transaction.objectStore('recordings').put(packed, messageId);
      transaction
        .objectStore('sizes')
        .put({ id: messageId, bytes: sizeBytes(packed), created: Date.now() } satisfies RecordingSize);
      await dropOldest(transaction, RECORDINGS_LIMIT_BYTES);
    });
  }

  /** Messages of which there is a recording. */
  async recordedIds(): Promise<readonly string[]> {
    const store = this.database.transaction('sizes').objectStore('sizes');
    return (await settled(store.getAllKeys())) as string[];
  }

  async removeRecordings(messageIds: readonly string[]): Promise<void> {
    await this.transact(RECORDINGS, (transaction) => {
      for (const id of messageIds) dropRecording(transaction, id);
    });
  }

  async usage(): Promise<Usage> {
    const transaction = this.database.transaction('sizes');
    const sizes = await settled(transaction.objectStore('sizes').getAll() as IDBRequest<RecordingSize[]>);
    const estimate = await this.manager?.estimate();
    return { usedBytes: estimate?.usage, quotaBytes: estimate?.quota, recordingBytes: sum(sizes) };
  }

  /** Asks the browser to keep the data also when the disk gets full. It may ask the person, so only once there is something. */
  async persist(): Promise<void> {
    if (this.isPersistent || !this.manager?.persist) return;
    this.isPersistent = true;
    await this.manager.persist().catch(() => false);
  }

  /** Recordings make room for conversations: half of them go, the oldest first. False where there are none. */
  private async makeRoom(): Promise<boolean> {
    return this.attempt(RECORDINGS, async (transaction) => {
      const sizes = await settled(transaction.objectStore('sizes').getAll() as IDBRequest<RecordingSize[]>);
      await dropOldest(transaction, Math.floor(sum(sizes) / 2));
      return sizes.length > 0;
    });
  }

  private async transact<T>(stores: readonly string[], work: Work<T>): Promise<T> {
    for (;;) {
      try {
        return await this.attempt(stores, work);
      } catch (error) {
        if (!isFull(error) || !(await this.makeRoom())) throw error;
      }
    }
  }

  /** A full disk shows itself only when the transaction ends. */
  private async attempt<T>(stores: readonly string[], work: Work<T>): Promise<T> {
    const transaction = this.database.transaction(stores, 'readwrite');
    const completed = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
    const [result] = await Promise.all([work(transaction), completed]);
    return result;
  }
}

type Work<T> = (transaction: IDBTransaction) => T | Promise<T>;

export function isFull(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'QuotaExceededError';
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
  database.createObjectStore('sizes', { keyPath: 'id' });
  const messageStore = database.createObjectStore('messages', { keyPath: ['conversation', 'id'] });
  const headers = (request.transaction as IDBTransaction).objectStore('conversations');
  noteSizes(request.transaction as IDBTransaction);
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
