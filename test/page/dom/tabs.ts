import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import type { ApiClient, ChatChunk, ChatMessage } from '../../../page/src/core/api.ts';
import { Chat } from '../../../page/src/core/chat.ts';
import type { Conversation } from '../../../page/src/core/conversation.ts';
import { Drafts } from '../../../page/src/core/drafts.ts';
import { Observable } from '../../../page/src/core/observable.ts';
import { readSettings, type Settings } from '../../../page/src/core/settings.ts';
import { Storage } from '../../../page/src/core/storage.ts';
import type { Channel } from '../../../page/src/core/tabs.ts';

/** A turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

export const openStorage = async (factory: IDBFactory): Promise<Storage> => {
  const storage = await Storage.open({ factory, manager: undefined, onBlocked: () => {} });
  if (!storage) throw new Error('no database');
  return storage;
};

/** A browser: one database, and tabs of the page that hear of each other, each message after some turns. */
export class FakeBrowser {
  readonly factory = new IDBFactory();
  /** How many turns the next message, or the next piece of an answer, takes. */
  delay: () => number = () => 1;
  /** What a tab's answers consist of. */
  answer: (question: string) => readonly string[] = (question) => ['Re: ', question];
  /** The messages of every request. */
  readonly asked: (readonly ChatMessage[])[] = [];
  private readonly channels: Channel[] = [];
  private numUnderway = 0;

  async open(change: Partial<Settings> = {}): Promise<Chat> {
    const storage = await openStorage(this.factory);
    const chat = new Chat({
      api: this.api(),
      storage,
      channel: this.channel(),
      settings: new Observable({ ...readSettings(null, []), ...change }),
      conversations: await storage.conversations(),
      drafts: new Drafts(undefined),
      onFrame: (call) => {
        const timer = setImmediate(call);
        return () => clearImmediate(timer);
      },
    });
    await chat.connect();
    return chat;
  }

  /** Until every message has arrived and what followed from it is done. */
  async quiet(): Promise<void> {
    do await turns(60);
    while (this.numUnderway > 0);
  }

  private channel(): Channel {
    const own: Channel = {
      onmessage: null,
      postMessage: (data: unknown) => {
        for (const other of this.channels) if (other !== own) void this.deliver(other, data);
      },
    };
    this.channels.push(own);
    return own;
  }

  private async deliver(to: Channel, data: unknown): Promise<void> {
    this.numUnderway++;
    await turns(this.delay());
    (to.onmessage as ((event: { data: unknown }) => void) | null)?.({ data: structuredClone(data) });
    this.numUnderway--;
  }

  private api(): ApiClient {
    const browser = this;
    return {
      models: async () => [{ id: 'fake', contextLength: 100 }],
      experts: async () => undefined,
      props: async () => undefined,
      recommended: async () => ({}),
      countTokens: async () => 0,
      async *chat({ messages }, signal): AsyncGenerator<ChatChunk, void, undefined> {
        browser.asked.push(messages);
        for (const text of browser.answer(messages.at(-1)?.content ?? '')) {
          browser.numUnderway++;
          await turns(browser.delay());
          browser.numUnderway--;
          signal.throwIfAborted();
          yield { text };
        }
        yield { text: '', finishReason: 'stop' };
      },
    };
  }
}

/** What people see of a list: which conversations, under which titles, with which messages. */
export function listOf(conversations: readonly Conversation[]): readonly object[] {
  return [...conversations]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, title, updated, nodes }) => ({
      id,
      title,
      updated,
      messages: Object.values(nodes)
        .map(({ id: message, parent, content, status }) => `${parent} > ${message}: ${content} (${status})`)
        .sort(),
    }));
}
