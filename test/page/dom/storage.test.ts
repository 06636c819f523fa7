import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { describe, expect, it } from 'vitest';
import { changeBetween } from '../../../page/src/core/change.ts';
import { addMessage, type Conversation, newConversation } from '../../../page/src/core/conversation.ts';
import { openStorage } from './tabs.ts';

const message = (id: string, parent: string | null, content: string, created: number) =>
  ({ id, parent, role: 'user', content, created, status: 'done' }) as const;

const conversation = (): Conversation => {
  const first = addMessage(newConversation('c', 'Be brief.', 1), message('a', null, 'One', 2));
  return addMessage(addMessage(first, message('b', 'a', 'Two', 3)), message('d', 'b', 'Three', 4));
};

/** The database as version 1 of the page left it. */
async function oldDatabase(factory: IDBFactory, conversations: readonly Conversation[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const request = factory.open('dots', 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('conversations', { keyPath: 'id' });
      request.result.createObjectStore('recordings');
    };
    request.onerror = reject;
    request.onsuccess = () => {
      const transaction = request.result.transaction(['conversations', 'recordings'], 'readwrite');
      for (const one of conversations) transaction.objectStore('conversations').put(one);
      const layout = { layers: [1], numExperts: 8, numChosen: 2 };
      transaction.objectStore('recordings').put({ layout, pieces: ['x'], ids: Uint16Array.of(3, 4) }, 'b');
      transaction.oncomplete = () => {
        request.result.close();
        resolve();
      };
    };
  });
}

describe('Storage', () => {
  it('takes over everything from a database of version 1, recordings too', async () => {
    const factory = new IDBFactory();
    const old = [conversation(), { ...newConversation('empty', '', 5), title: 'Empty' }];
    await oldDatabase(factory, old);
    const storage = await openStorage(factory);
    expect(await storage.conversations()).toEqual(old);
    expect(await storage.conversation('c')).toEqual(old[0]);
    expect([...((await storage.recording('b'))?.ids ?? [])]).toEqual([3, 4]);
  });

  it('hangs an answer to a deleted message on what remains above it', async () => {
    const storage = await openStorage(new IDBFactory());
    const before = conversation();
    await storage.write('c', changeBetween(undefined, before));
    // One tab deletes a branch, another one that does not know yet continues it.
    const { b, d, ...nodes } = before.nodes;
    await storage.write('c', changeBetween(before, { ...before, nodes, leaf: 'a' }));
    await storage.write('c', changeBetween(before, addMessage(before, message('e', 'd', 'Four', 5))));
    const after = await storage.conversation('c');
    expect(Object.keys(after?.nodes ?? {}).sort()).toEqual(['a', 'e']);
    expect(after?.nodes.e).toMatchObject({ parent: 'a', content: 'Four' });
    expect(after?.leaf).toBe('e');
  });

  it('writes nothing into a deleted conversation, and keeps nothing of it', async () => {
    const factory = new IDBFactory();
    const storage = await openStorage(factory);
    const before = conversation();
    await storage.write('c', changeBetween(undefined, before));
    await storage.remove('c');
    await storage.write('c', changeBetween(before, addMessage(before, message('e', 'd', 'Four', 5))));
    expect(await storage.conversations()).toEqual([]);
    await storage.write('c', { ...changeBetween(undefined, before), restored: ['c'] });
    expect(await storage.conversations()).toEqual([before]);
  });
});

describe('recordings', () => {
  const layout = { layers: [1], numExperts: 128, numChosen: 6 };
  const recording = { layout, pieces: ['a', 'b'], ids: Uint16Array.from({ length: 12 }, (_, i) => i) };

  it('take a byte for each expert in the database, and come back as they were', async () => {
    const storage = await openStorage(new IDBFactory());
    await storage.saveRecording('m', recording);
    expect(await storage.recording('m')).toEqual(recording);
    expect((await storage.usage()).recordingBytes).toBe(12 + 4);
    const large = { ...recording, layout: { ...layout, numExperts: 300 }, ids: recording.ids.with(0, 299) };
    await storage.saveRecording('m', large);
    expect(await storage.recording('m')).toEqual(large);
    expect((await storage.usage()).recordingBytes).toBe(24 + 4);
  });

  it('are limited in all: the oldest go first', async () => {
    const storage = await openStorage(new IDBFactory());
    const megabytes = 30 * 2 ** 20;
    const long = { layout, pieces: [], ids: new Uint16Array(megabytes) };
    for (const id of ['old', 'newer', 'newest']) {
      await storage.saveRecording(id, long);
      // Times differ.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(await storage.recording('old')).toBeUndefined();
    expect((await storage.recording('newest'))?.ids).toHaveLength(megabytes);
    expect((await storage.usage()).recordingBytes).toBe(2 * megabytes);
  });
});
