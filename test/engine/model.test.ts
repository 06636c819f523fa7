import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { withDefaults } from '../../src/engine/sampling-options.ts';
import {
  type ChatEvent,
  compileConstraint,
  type GenerateEvent,
  type Message,
  type Model,
  open,
} from '../../src/index.ts';
import { TINY_HF_FOLDER, TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';

let model: Model;
beforeAll(async () => {
  model = await open(TINY_HF_FOLDER, { backend: 'reference', maxParallel: 2 });
});
afterAll(() => model.close());

async function eventsOf<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const deltas = (events: readonly (ChatEvent | GenerateEvent)[]): string =>
  events.map((event) => (event.type === 'token-delta' ? event.text : '')).join('');

describe('token-delta events', () => {
  it('add up to the text of the answer, also where a stop string is held back to the end', async () => {
    const plain = await model.ask('The lighthouse', { temperature: 0, maxTokens: 12 });
    // Every end of the answer is at some length the beginning of a stop string.
    const stops = [...plain.text].flatMap((_, i) => [`${plain.text.slice(i)}never`]).slice(0, 4096);
    for (let maxTokens = 1; maxTokens <= 12; maxTokens++) {
      const options = { temperature: 0, maxTokens, stop: stops };
      const events = await eventsOf(model.chat('The lighthouse', options));
      const end = events.at(-1);
      expect(end).toMatchObject({ type: 'finish', reason: 'length' });
      expect(end?.type === 'finish' && end.text).toBe(deltas(events));
      expect(plain.text.startsWith(deltas(events))).toBe(true);
      expect(events.filter(({ type }) => type === 'token-delta').length).toBe(maxTokens);
    }
  });

  it('add up where a constraint, a stop string or an end token ends the answer', async () => {
    const constraint = compileConstraint({ type: 'choice', choices: ['sea', 'seaside'] }, model.tokenizer);
    for (const options of [
      { constraint, stop: ['seaside!'] },
      { stop: ['e'], maxTokens: 20 },
      { stop: ['e'], maxTokens: 20, includeStopString: true },
      { stop: ['\n\n\n'], maxTokens: 200 },
    ]) {
      const events = await eventsOf(model.chat('The sea', { temperature: 1, seed: 5, ...options }));
      const end = events.at(-1);
      expect(end?.type === 'finish' && end.text).toBe(deltas(events));
    }
  });

  it('come before the error when an answer is aborted', async () => {
    const controller = new AbortController();
    const seen: string[] = [];
    const run = async (): Promise<void> => {
      for await (const event of model.complete('The ', {
        signal: controller.signal,
        stop: ['zzz'],
        ignoreEos: true,
      })) {
        seen.push(event.type);
        if (event.type === 'token-delta') controller.abort(new Error('enough'));
      }
    };
    await expect(run()).rejects.toThrow('enough');
    expect(seen).toContain('token-delta');
  });
});

describe('ask()', () => {
  it('returns the text that chat() streams, and counts its tokens', async () => {
    // Longer than a page of the cache.
    const messages = [{ role: 'user', content: 'The little lighthouse '.repeat(30) }];
    const options = { temperature: 0, maxTokens: 9 };
    const events = await eventsOf(model.chat(messages, options));
    const answer = await model.ask(messages, options);
    expect(answer.text).toBe(deltas(events));
    expect(answer.text).not.toBe('');
    expect(answer.finishReason).toBe('length');
    expect(answer.usage.completionTokens).toBe(9);
    expect(answer.usage.totalTokens).toBe(answer.usage.promptTokens + 9);
    // The second time the prompt was in the cache.
    expect(answer.usage.cachedTokens).toBeGreaterThan(0);
    expect(answer.messages).toEqual([{ role: 'assistant', content: answer.text }]);
  });

  it('takes a text for a message of the user', async () => {
    const options = { temperature: 0, maxTokens: 5 };
    const asMessage = await model.ask([{ role: 'user', content: 'Hi' }], options);
    expect((await model.ask('Hi', options)).text).toBe(asMessage.text);
  });

  it.each([
    ['nothing', [], 'empty-conversation'],
    ['no role', [{ role: '', content: 'Hi' }], 'bad-role'],
    ['a misspelt role', [{ role: 'asistant', content: 'Hi' }], 'bad-role'],
    ['no role at all', [{ content: 'Hi' }], 'bad-role'],
  ])('refuses %s', async (_, messages, code) => {
    await expect(model.ask(messages as never)).rejects.toMatchObject({ name: 'UsageError', code });
  });
});

describe('chat() with tools', () => {
  // The description of a tool does not fit into the context of the smaller model.
  let mini: Model;
  beforeAll(async () => {
    mini = await open('mini');
  });
  afterAll(() => mini.close());

  const city = {
    type: 'object',
    properties: { city: { enum: ['Paris', 'Rome'] } },
    required: ['city'],
    additionalProperties: false,
  };

  it('calls them, shows the model what they return, and answers in the same call', async () => {
    const asked: unknown[] = [];
    const execute = async (args: { city: string }): Promise<object> => {
      asked.push(args);
      return { degrees: 21 };
    };
    const tools = { weather: { description: 'weather of a city', parameters: city, execute } };
    const options = {
      tools,
      toolChoice: 'required' as const,
      parallelToolCalls: false,
      temperature: 0,
      maxTokens: 300,
      maxToolRounds: 1,
    };
    const events = await eventsOf(mini.chat('How warm is it?', options));
    const types = events
      .map(({ type }) => type)
      .filter((type) => !['token-delta', 'prompt-progress'].includes(type));
    const numCalls = asked.length;
    expect(numCalls).toBeGreaterThan(0);
    expect(types).toEqual([
      'prompt-end',
      ...asked.map(() => 'tool-call'),
      ...asked.map(() => 'tool-result'),
      'prompt-end',
      'finish',
    ]);
    expect(['Paris', 'Rome']).toContain((asked[0] as { city: string }).city);
    expect(events.find(({ type }) => type === 'tool-result')).toMatchObject({
      name: 'weather',
      result: '{"degrees":21}',
      isError: false,
    });
    const end = events.at(-1);
    if (end?.type !== 'finish') throw new Error('no finish');
    // What is shown to a reader has no trace of calls, and is what was answered after them.
    expect(deltas(events)).not.toContain('tool_call');
    expect(deltas(events).endsWith(end.text)).toBe(true);
    expect(end.messages.map(({ role }) => role)).toEqual([
      'assistant',
      ...asked.map(() => 'tool'),
      'assistant',
    ]);
    // The whole exchange is a conversation that can be continued.
    const history: Message[] = [{ role: 'user', content: 'How warm is it?' }];
    history.push(...end.messages, { role: 'user', content: 'Thanks' });
    const next = await mini.ask(history, { maxTokens: 3 });
    expect(next.usage.completionTokens).toBe(3);
  });

  it('ends with the call where a tool has no execute', async () => {
    const answer = await mini.ask('How warm is it?', {
      tools: { weather: { parameters: city } },
      toolChoice: { name: 'weather' },
      parallelToolCalls: false,
      maxTokens: 300,
      temperature: 0,
    });
    expect(answer.finishReason).toBe('tool-calls');
    expect(answer.text).toBe('');
    const [{ toolCalls = [] }] = answer.messages;
    expect(toolCalls[0].name).toBe('weather');
    expect(['Paris', 'Rome']).toContain(JSON.parse(toolCalls[0].arguments).city);
  });

  it('shows the model the error of a tool that throws', async () => {
    const execute = (): never => {
      throw new Error('no network');
    };
    const events = await eventsOf(
      mini.chat('How warm is it?', {
        tools: { weather: { parameters: city, execute } },
        toolChoice: 'required',
        parallelToolCalls: false,
        maxToolRounds: 1,
        maxTokens: 300,
        temperature: 0,
      }),
    );
    expect(events.find(({ type }) => type === 'tool-result')).toMatchObject({
      result: 'Error: no network',
      isError: true,
    });
  });

  it('refuses a constraint next to tools', async () => {
    const constraint = compileConstraint({ type: 'json-object' }, mini.tokenizer);
    await expect(mini.ask('Hi', { tools: { a: {} }, constraint })).rejects.toMatchObject({
      code: 'bad-chat-options',
    });
  });
});

describe('conversation()', () => {
  it('keeps its history and gives the answers that chat() gives to all of it', async () => {
    const talk = model.conversation({ system: 'Be brief.', temperature: 0, maxTokens: 6 });
    const first = await talk.ask('Hello');
    const second = await talk.ask('And then?');
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: first.text },
      { role: 'user', content: 'And then?' },
    ];
    expect(second.text).toBe((await model.ask(messages, { temperature: 0, maxTokens: 6 })).text);
    expect(talk.messages).toEqual([...messages, { role: 'assistant', content: second.text }]);
  });

  it('is as it was after an answer that was not read to its end, and answers one message at a time', async () => {
    const talk = model.conversation({ maxTokens: 6 });
    for await (const event of talk.send('Hello')) if (event.type === 'token-delta') break;
    expect(talk.messages).toEqual([]);
    const both = Promise.all([talk.ask('One'), talk.ask('Two')]);
    await expect(both).rejects.toMatchObject({ code: 'conversation-busy' });
  });
});

describe('open()', () => {
  const bytes = readFileSync(TINY_LLAMACPP_GGUF);
  const options = { temperature: 0, maxTokens: 6 };

  it.each([
    ['a file URL', pathToFileURL(TINY_LLAMACPP_GGUF)],
    ['a Blob', new Blob([bytes])],
    ['a Uint8Array', new Uint8Array(bytes)],
    ['a view into larger bytes', new Uint8Array([1, 2, 3, ...bytes, 4]).subarray(3, 3 + bytes.length)],
    ['an ArrayBuffer', Uint8Array.from(bytes).buffer],
  ])('takes %s, with the answers of the file', async (_, source) => {
    await using file = await open(TINY_LLAMACPP_GGUF);
    await using other = await open(source);
    expect((await other.ask('The little', options)).text).toBe((await file.ask('The little', options)).text);
  });

  it('takes mini for the model that ships', async () => {
    await using mini = await open('mini');
    expect(mini.name).toBe('mini');
    expect(mini.contextLength).toBe(2048);
    expect(mini.config.numLayers).toBe(6);
  });

  it.each([
    ['bytes of something else', new Uint8Array(100), 'not-gguf'],
    ['an address of the web', new URL('https://example.com/model.gguf'), 'unsupported-url'],
    ['a number', 7 as never, 'bad-model-source'],
    ['nothing', undefined as never, 'bad-model-source'],
  ])('refuses %s', async (_, source, code) => {
    await expect(open(source)).rejects.toMatchObject({ code });
  });

  it.each(['reference', undefined] as const)(
    'reports progress up to all bytes (backend: %s)',
    async (backend) => {
      const seen: number[] = [];
      let total = 0;
      const onProgress = (done: number, all: number): void => {
        seen.push(done);
        total = all;
      };
      await using _ = await open(TINY_LLAMACPP_GGUF, { onProgress, ...(backend && { backend }) });
      expect(seen.at(-1)).toBe(total);
      expect(total).toBeGreaterThan(500_000);
    },
  );

  it('warns on the console unless someone listens', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    vi.doMock('../../src/backend/native/native-backend.ts', () => ({
      openNativeBackend: () => ({ backend: undefined, why: 'it was not built' }),
    }));
    try {
      await using _ = await open(TINY_LLAMACPP_GGUF);
      expect(warn).toHaveBeenCalledOnce();
      expect(warn.mock.calls[0][0]).toContain('slow reference backend');
      const heard: string[] = [];
      await using _other = await open(TINY_LLAMACPP_GGUF, { onWarning: (message) => heard.push(message) });
      expect(heard.length).toBe(1);
      expect(warn).toHaveBeenCalledOnce();
    } finally {
      vi.doUnmock('../../src/backend/native/native-backend.ts');
      warn.mockRestore();
    }
  });
});

describe('withDefaults()', () => {
  it("lets a request's own values win, and takes undefined for absent", () => {
    const defaults = { temperature: 0.5, topP: 0.8 };
    expect(withDefaults({ temperature: 1 }, defaults)).toEqual({ temperature: 1, topP: 0.8 });
    const absent = { temperature: undefined } as unknown as { temperature: number };
    expect(withDefaults(absent, defaults)).toEqual(defaults);
  });
});
