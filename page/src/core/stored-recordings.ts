import type { Recording } from './recording.ts';

/** In the database an expert takes a byte where the model has at most 256 of them. */
export type StoredRecording = Omit<Recording, 'ids'> & { readonly ids: Uint8Array | Uint16Array };

/** Kept apart, so that nobody reads megabytes to learn how many they are. */
export interface RecordingSize {
  readonly id: string;
  readonly bytes: number;
  readonly created: number;
}

/** A copy: the numbers are views of larger arrays while an answer streams. */
export function packRecordingBytes(recording: Recording): StoredRecording {
  const { ids, layout, odds } = recording;
  return {
    ...recording,
    ids: layout.numExperts <= 256 ? Uint8Array.from(ids) : ids.slice(),
    ...(odds && { odds: { ...odds, tokens: odds.tokens.slice(), logprobs: odds.logprobs.slice() } }),
  };
}

export function sizeBytes({ ids, pieces, odds }: StoredRecording): number {
  const texts = [...pieces, ...(odds?.texts ?? [])].reduce((all, { length }) => all + 2 * length, 0);
  return ids.byteLength + texts + (odds ? odds.tokens.byteLength + odds.logprobs.byteLength : 0);
}

export function sum(sizes: readonly RecordingSize[]): number {
  return sizes.reduce((all, { bytes }) => all + bytes, 0);
}

/** Deletes the oldest recordings until all together have at most so many bytes. */
export function dropOldest(transaction: IDBTransaction, limitBytes: number): Promise<void> {
  return new Promise((resolve) => {
    const reading = transaction.objectStore('sizes').getAll() as IDBRequest<RecordingSize[]>;
    reading.onsuccess = () => {
      const oldestFirst = reading.result.sort((a, b) => a.created - b.created);
      let total = sum(oldestFirst);
      for (const { id, bytes } of oldestFirst) {
        if (total <= limitBytes) break;
        total -= bytes;
        dropRecording(transaction, id);
      }
      resolve();
    };
  });
}

export function dropRecording(transaction: IDBTransaction, id: string): void {
  transaction.objectStore('recordings').delete(id);
  transaction.objectStore('sizes').delete(id);
}

/** Of recordings from before there were sizes. */
export function noteSizes(transaction: IDBTransaction): void {
  const cursor = transaction.objectStore('recordings').openCursor();
  cursor.onsuccess = () => {
    if (!cursor.result) return;
    const { value, key } = cursor.result;
    const size: RecordingSize = { id: String(key), bytes: sizeBytes(value as StoredRecording), created: 0 };
    transaction.objectStore('sizes').put(size);
    cursor.result.continue();
  };
}
