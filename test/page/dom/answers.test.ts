import { describe, expect, it } from 'vitest';
import { NO_OPTIONS } from '../../../page/src/core/answer-options.ts';
import type { ApiClient, ChatChunk, ChatMessage, ChatRequest } from '../../../page/src/core/api.ts';
import { ApiError } from '../../../page/src/core/api-error.ts';
import { mergeHeader } from '../../../page/src/core/change.ts';
import { Chat } from '../../../page/src/core/chat.ts';
import { type Message, pathOf } from '../../../page/src/core/conversation.ts';
import { Drafts } from '../../../page/src/core/drafts.ts';
import { Observable } from '../../../page/src/core/observable.ts';
import { NO_SAMPLING } from '../../../page/src/core/sampling.ts';
import { readSettings } from '../../../page/src/core/settings.ts';

const size = (messages: readonly ChatMessage[]): number =>
  messages.reduce((sum, { content }) => sum + content.length, 0);

/** A model whose tokens are characters; `answer` is asked with every request. */
async function openChat(
  answer: (request: ChatRequest, signal: AbortSignal) => AsyncGenerator<ChatChunk> | readonly ChatChunk[],
  contextLength = 4096,
) {
  const requests: ChatRequest[] = [];
  const api: ApiClient = {
    models: async () => [{ id: 'm', contextLength }],
    experts: async () => undefined,
    props: async () => undefined,
    recommended: async () => ({}),
    countTokens: async (_, messages) => size(messages),
    chat: async function* (request, signal) {
      requests.push(request);
      const promptTokens = size(request.messages);
      if (promptTokens >= contextLength) throw new ApiError('Too long', 'context_length_exceeded', 400);
      yield* answer(request, signal);
    },
  };
  const chat = new Chat({
    api,
    storage: undefined,
    channel: undefined,
    settings: new Observable(readSettings(null, [])),
    conversations: [],
    onFrame: () => () => {},
    drafts: new Drafts(undefined),
  });
  await chat.connect();
  const newest = (): Message => chat.current?.nodes[chat.current.leaf ?? ''] as Message;
  const sent = (): string[] => requests.at(-1)?.messages.map(({ content }) => content) ?? [];
  return { chat, requests, newest, sent };
}
const said = (text: string, finishReason = 'stop'): readonly ChatChunk[] => [{ text, finishReason }];

describe('an answer that was cut', () => {
  it('is continued in the same message, which says how it ended this time', async () => {
    const texts = ['One', ' two', ' three'];
    const { chat, requests, newest, sent } = await openChat(() =>
      said(texts[requests.length - 1], requests.length < 3 ? 'length' : 'stop'),
    );
    await chat.send('Count');
    const { id } = newest();
    await chat.continue(id);
    expect(requests.at(-1)?.continues).toBe(true);
    expect(sent()).toEqual(['Count', 'One']);
    await chat.continue(id);
    expect(sent()).toEqual(['Count', 'One two']);
    expect(newest()).toMatchObject({ id, content: 'One two three', status: 'done', finishReason: 'stop' });
  });

  it('is continued once, however often the button is pressed', async () => {
    const { chat, requests, newest } = await openChat(() => said('x', 'length'));
    await chat.send('Count');
    const { id } = newest();
    await Promise.all([chat.continue(id), chat.continue(id)]);
    expect(requests).toHaveLength(2);
    expect(newest().content).toBe('xx');
  });

  it('is continued without the oldest turns where the context was full', async () => {
    const usage = { promptTokens: 90, cachedTokens: 0, answerTokens: 10 };
    const { chat, newest, sent } = await openChat(
      ({ continues }) =>
        continues ? said('more') : [{ text: 'y'.repeat(10), finishReason: 'length', usage }],
      100,
    );
    await chat.send('x'.repeat(30));
    await chat.send('z'.repeat(30));
    await chat.continue(newest().id);
    expect(sent()).toEqual(['z'.repeat(30), 'y'.repeat(10)]);
    expect(newest().content).toBe(`${'y'.repeat(10)}more`);
    expect(newest().firstSent).toBe(pathOf(chat.current!)[2].id);
  });

  it('that failed before has no error while it is continued', async () => {
    let count = 0;
    const { chat, newest } = await openChat(async function* () {
      yield { text: 'word ' };
      if (count++ === 0) throw new ApiError('Cut', 'cut_off', 0);
    });
    await chat.send('Talk');
    expect(newest().error?.code).toBe('cut_off');
    await chat.continue(newest().id);
    expect(newest()).toMatchObject({ content: 'word word ', status: 'done' });
    expect(newest()).not.toHaveProperty('error');
  });
});

describe('a conversation that is longer than the context', () => {
  it('is sent without its oldest turns once the person agrees, and whole again when they say so', async () => {
    const { chat, requests, newest, sent } = await openChat(() => said('answer'), 100);
    for (const letter of ['a', 'b', 'c']) await chat.send(letter.repeat(30));
    expect(newest().error?.code).toBe('context_length_exceeded');
    await chat.leaveOutOldest(newest().id);
    expect(sent()).toEqual(['c'.repeat(30)]);
    expect(newest()).toMatchObject({ content: 'answer', status: 'done' });
    await chat.send('d');
    expect(sent()).toEqual(['c'.repeat(30), 'answer', 'd']);
    chat.setTrims(false);
    await chat.send('e');
    expect(newest().error?.code).toBe('context_length_exceeded');
    expect(requests).toHaveLength(6);
  });
});

describe('answers that follow a JSON schema', () => {
  it('store it once, and it goes to a file and comes back with them', async () => {
    const { chat, requests, newest } = await openChat(() => said('{}'));
    const schema = JSON.stringify({ type: 'object', description: 'long '.repeat(100) });
    const options = { ...NO_OPTIONS, schema };
    await chat.send('One');
    for (let i = 0; i < 3; i++) await chat.regenerate(newest().id, { options, model: undefined });
    expect(requests.at(-1)?.fields).toHaveProperty('response_format');
    const text = JSON.stringify(chat.current);
    expect(text.match(/"description"/g)).toHaveLength(1);
    const name = newest().schema as string;
    expect(chat.current?.schemas?.[name]).toEqual(JSON.parse(schema));
    const { chat: other } = await openChat(() => said('{}'));
    await other.import(await chat.files.exportAll());
    expect(other.current?.schemas).toEqual(chat.current?.schemas);
    expect(other.current?.nodes).toEqual(chat.current?.nodes);
  });

  it('find their schemas when two tabs add one each', () => {
    const [a, b] = [{ schemas: { a: true } }, { schemas: { b: {} } }];
    expect(mergeHeader(a, b).schemas).toEqual({ a: true, b: {} });
    expect(mergeHeader(a, { title: 'x' })).not.toHaveProperty('schemas');
  });
});

describe('another answer', () => {
  it('has the options and the model that were chosen for it, and says so', async () => {
    const { chat, requests, newest } = await openChat(() => [{ text: 'x', finishReason: 'stop', seed: 7 }]);
    await chat.send('Which?');
    const first = newest().id;
    const sampling = { ...NO_SAMPLING, seed: 7 };
    await chat.regenerate(first, { options: { ...NO_OPTIONS, sampling }, model: 'other' });
    expect(requests.at(-1)).toMatchObject({ model: 'other', fields: { seed: 7 } });
    expect(newest()).toMatchObject({ model: 'other', fields: { seed: 7 }, seed: 7 });
    expect(newest().parent).toBe(chat.current?.nodes[first].parent);
  });
});
