import { Observable } from './observable.ts';
import type { Recording } from './recording.ts';
import type { Storage } from './storage.ts';
import type { Channel } from './tabs.ts';

/** Recorded routing of answers, by message, as far as it has been loaded. */
export class Recordings {
  readonly loaded = new Observable<ReadonlyMap<string, Recording>>(new Map());
  private readonly storage: Storage | undefined;
  private readonly channel: Channel | undefined;
  private readonly requested = new Set<string>();

  constructor(storage: Storage | undefined, channel: Channel | undefined) {
    this.storage = storage;
    this.channel = channel;
  }

  add(messageId: string, recording: Recording): void {
    this.loaded.update((all) => new Map([...all, [messageId, recording]]));
  }

  async save(messageId: string): Promise<void> {
    const recording = this.loaded.value.get(messageId);
    if (!recording) return;
    try {
      await this.storage?.saveRecording(messageId, recording);
      this.channel?.postMessage({ type: 'recorded', message: messageId });
    } catch {
      // Conversations are what must not be lost, and they report a full database.
    }
  }

  /** Brings a recording from the database into `loaded`, once. */
  async load(messageId: string): Promise<void> {
    if (this.requested.has(messageId) || this.loaded.value.has(messageId)) return;
    this.requested.add(messageId);
    const recording = await this.storage?.recording(messageId);
    if (recording) this.add(messageId, recording);
  }

  /** Another tab has saved it. One that nobody has looked for is loaded when somebody does. */
  async refresh(messageId: string): Promise<void> {
    if (this.requested.delete(messageId)) await this.load(messageId);
  }

  async forget(messageIds: readonly string[]): Promise<void> {
    this.loaded.update((all) => new Map([...all].filter(([id]) => !messageIds.includes(id))));
    await this.storage?.removeRecordings(messageIds);
  }
}
