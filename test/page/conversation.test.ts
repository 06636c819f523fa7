import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addMessage,
  type Conversation,
  type Message,
  newConversation,
  pathOf,
  rename,
  showBranch,
  siblingsOf,
  titleFrom,
} from '../../page/src/core/conversation.ts';
import { requestMessages } from '../../page/src/core/generation.ts';
import { packRecording, Recorder, type Recording, unpackRecording } from '../../page/src/core/recording.ts';
import { type Hit, Search, search } from '../../page/src/core/search.ts';
import { exportJson, type ImportError, importFile, joinConversations } from '../../page/src/core/transfer.ts';

const message = (id: string, parent: string | null, content: string, created: number): Message => ({
  id,
  parent,
  role: Number(id.slice(1)) % 2 === 0 ? 'user' : 'assistant',
  content,
  created,
  status: 'done',
});

/** A tree grown at random: each number picks the message that the next one answers. */
const trees = fc
  .array(fc.nat(30), { minLength: 1, maxLength: 25 })
  .map((picks) =>
    picks.reduce(
      (conversation, pick, i) =>
        addMessage(
          conversation,
          message(`m${i}`, i === 0 ? null : `m${pick % i}`, `text ${i} of ${pick}`, 100 + i),
        ),
      newConversation('c1', 'system', 1),
    ),
  );

describe('a conversation', () => {
  it('loses nothing when branches are added and shown: every message can be reached', () => {
    fc.assert(
      fc.property(trees, fc.nat(30), (tree, pick) => {
        const id = `m${pick % Object.keys(tree.nodes).length}`;
        const shown = showBranch(tree, id);
        const path = pathOf(shown);
        expect(path.map((entry) => entry.id)).toContain(id);
        expect(path[0].parent).toBeNull();
        path.slice(1).forEach((entry, i) => {
          expect(entry.parent).toBe(path[i].id);
        });
        // It goes down to an end, by the newest message each time.
        const last = path.at(-1) as Message;
        expect(Object.values(tree.nodes).filter(({ parent }) => parent === last.id)).toEqual([]);
        expect(siblingsOf(shown, id).map((entry) => entry.id)).toContain(id);
        expect(shown.nodes).toBe(tree.nodes);
      }),
    );
  });

  it('is named after its first question until somebody names it', () => {
    let conversation = addMessage(newConversation('c', '', 1), message('m0', null, '  What\nis  this? ', 2));
    expect(conversation.title).toBe('What is this?');
    conversation = rename(conversation, '  Mine ');
    expect(addMessage(conversation, message('m2', null, 'Another', 3)).title).toBe('Mine');
    expect(rename(conversation, '  ').title).toBe('Mine');
    expect([...titleFrom('𝕏'.repeat(100))]).toHaveLength(60);
  });

  it('is sent with its system prompt and without empty answers: the roles alternate', () => {
    const path = [message('m0', null, 'Q', 1), message('m1', 'm0', '', 2), message('m2', 'm1', 'Q2', 3)];
    expect(requestMessages(' ', path)).toEqual([{ role: 'user', content: 'Q\n\nQ2' }]);
    expect(requestMessages('S', path)[0]).toEqual({ role: 'system', content: 'S' });
  });
});

describe('search()', () => {
  const conversations: Conversation[] = ['Apples', 'Pears'].map((title, i) => ({
    ...addMessage(
      newConversation(title, '', i),
      message('m1', null, `Some (text) about ${title}. `.repeat(9), i),
    ),
    title,
  }));

  it('wants every word, in the title or in any message, whatever its case', () => {
    const found = (query: string) => search(conversations, query).map(({ conversation }) => conversation.id);
    expect(found('')).toEqual(['Pears', 'Apples']);
    expect(found('ABOUT apples')).toEqual(['Apples']);
    expect(found('(text)')).toEqual(['Pears', 'Apples']);
    expect(found('apples pears')).toEqual([]);
  });

  it('finds the message that fits best, and shows the place in it where the words are together', () => {
    const texts = ['the sea and the sky', `the ${'end '.repeat(40)} the pomegranate tree`, 'pomegranate'];
    const nodes = texts.map((text, i) => message(`m${i + 1}`, i === 0 ? null : `m${i}`, text, i));
    const conversation = nodes.reduce(addMessage, newConversation('c1', '', 1));
    const [hit] = search([{ ...conversation, title: 'Garden' }], 'the pomegranate');
    expect(hit.message).toBe('m2');
    expect(hit.excerpt?.filter(({ isMatch }) => isMatch).map(({ text }) => text)).toEqual([
      'the',
      'pomegranate',
    ]);
    expect(search([{ ...conversation, title: 'Garden' }], 'garden sky')[0].message).toBe('m1');
  });

  it('finds the same in parts, after other queries and changes, as at once', () => {
    const words = fc.array(fc.constantFrom('a', 'ab', 'b', 'ba', ' ', 'c'), { maxLength: 5 });
    const texts = fc.array(
      words.map((parts) => parts.join('')),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(texts, words), { minLength: 1, maxLength: 6 }), (steps) => {
        const made = new Map<string, Conversation>();
        let last: Search | undefined;
        for (const [contents, query] of steps) {
          // Those that did not change are the same objects.
          const all = contents.map((text, i) => {
            const id = `${i} ${text}`;
            const one = made.get(id) ?? {
              ...addMessage(newConversation(id, '', i), message('m1', null, text, i)),
              isPinned: i % 3 === 0,
            };
            made.set(id, one);
            return one;
          });
          for (let length = 0; length <= query.length; length++) {
            const typed = query.slice(0, length).join('');
            last = new Search(all, typed, last);
            for (let turns = 0; !last.isDone; turns++) {
              let isFirst = true;
              last.run(() => {
                const goesOn = isFirst;
                isFirst = false;
                return goesOn;
              }, 2);
              // A search that is not done is given up for the next one.
              if (turns === 3 && length % 2 === 1) break;
            }
            const ids = (hits: readonly Hit[]): string[] => hits.map(({ conversation }) => conversation.id);
            const whole = ids(search(all, typed));
            expect(ids(last.hits)).toEqual(whole.slice(0, last.isDone ? undefined : last.hits.length));
          }
        }
      }),
    );
  });

  it('shows what it found: the parts of an excerpt make up a piece of the text', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 12 }),
        fc.string(),
        fc.string(),
        (query, before, after) => {
          fc.pre(query.trim() !== '' && !/\s/.test(query) && query.toLowerCase().length === query.length);
          const text = `${before}${query}${after}`.replace(/\s+/g, ' ');
          fc.pre(text.toLowerCase().length === text.length);
          const conversation = addMessage(newConversation('c', '', 1), message('m1', null, text, 1));
          const [hit] = search([{ ...conversation, title: '' }], query);
          const parts = (hit.excerpt ?? []).filter((part) => part.text !== '…');
          expect(text).toContain(parts.map((part) => part.text).join(''));
          expect(parts.some(({ isMatch }) => isMatch)).toBe(true);
        },
      ),
    );
  });
});

describe('export and import', () => {
  const layout = { layers: [1, 2], numExperts: 8, numChosen: 2 };
  const recordingOf = (numTokens: number): Recording => {
    const recorder = new Recorder(layout);
    for (let i = 0; i < numTokens; i++) recorder.add(`t${i}`, Uint8Array.from([i % 8, 1, 2, 7]));
    return recorder.recording;
  };
  const nobody = (): undefined => undefined;

  it('bring back the same tree with the routing of its answers, and a second time nothing new', () => {
    fc.assert(
      fc.property(trees, fc.integer({ min: 1, max: 5 }), (tree, numTokens) => {
        const recordings = new Map([['m0', recordingOf(numTokens)]]);
        const file = exportJson({ conversations: [tree], recordings });
        const back = importFile(file, nobody);
        expect(back.conversations).toEqual([tree]);
        expect(back.recordings).toEqual(recordings);
        expect(importFile(file, () => 'c1')).toEqual(back);
        expect(joinConversations(tree, back.conversations[0])).toBe(tree);
      }),
    );
  });

  it('add what is missing to a conversation that is there, and change nothing else of it', () => {
    const tree = addMessage(newConversation('c1', '', 1), message('m0', null, 'Q', 1));
    const longer = addMessage(tree, message('m1', 'm0', 'A', 2));
    const changed = { ...rename(tree, 'Mine'), nodes: { m0: { ...tree.nodes.m0, content: 'Mine too' } } };
    const joined = joinConversations(changed, longer);
    expect(joined.title).toBe('Mine');
    expect(Object.values(joined.nodes).map(({ content }) => content)).toEqual(['Mine too', 'A']);
  });

  it('give a message a new id where another conversation has it, the same one in every import', () => {
    const tree = addMessage(newConversation('c1', '', 1), message('m0', null, 'Q', 1));
    const file = exportJson({ conversations: [tree], recordings: new Map([['m0', recordingOf(2)]]) });
    const [first, second] = [1, 2].map(() => importFile(file, () => 'c2'));
    const [id] = Object.keys(first.conversations[0].nodes);
    expect(id).not.toBe('m0');
    expect([...first.recordings.keys()]).toEqual([id]);
    expect(second).toEqual(first);
    // Names that every object has are not usable as ids.
    const hostile = importFile(
      file.replaceAll('"m0"', '"constructor"').replace('"c1"', '"__proto__"'),
      nobody,
    );
    expect(Object.keys(hostile.conversations[0].nodes)).not.toContain('constructor');
  });

  it.each([
    ['', 'importNoExport'],
    ['null', 'importNoExport'],
    ['{"format":"other","conversations":[]}', 'importNoExport'],
    ['{"format":"dots-conversations","version":2,"conversations":[]}', 'importOtherVersion'],
    ['{"format":"dots-conversations","conversations":[]}', 'importOtherVersion'],
    [
      '{"format":"dots-conversations","version":1,"conversations":[{"nodes":{"a":{"id":"a"}}}]}',
      'importDamaged',
    ],
    [
      '{"format":"dots-conversations","version":1,"conversations":[{"nodes":{"a":{"id":"a","parent":"b","role":"user","content":"x"}}}]}',
      'importDamaged',
    ],
    [
      '{"format":"dots-conversations","version":1,"conversations":[{"nodes":{"a":{"id":"a","parent":"a","role":"user","content":"x"}}}]}',
      'importDamaged',
    ],
  ])('refuse %s (%s)', (text, reason) => {
    let error: unknown;
    try {
      importFile(text, nobody);
    } catch (thrown) {
      error = thrown;
    }
    expect((error as ImportError | undefined)?.reason).toBe(reason);
  });

  it('drop recordings that do not fit together', () => {
    const packed = packRecording(recordingOf(3)) as Record<string, unknown>;
    expect(unpackRecording(packed)).toBeDefined();
    for (const change of [
      { ids: 'AAAA' },
      { ids: '!' },
      { pieces: ['a'] },
      { numExperts: 7 },
      { layers: 'x' },
      { numChosen: 0 },
    ])
      expect(unpackRecording({ ...packed, ...change })).toBeUndefined();
    expect(unpackRecording(null)).toBeUndefined();
  });
});

it('titles do not turn the direction of the text around them', () => {
  expect(titleFrom('abc\u202edef\u2066 ghi')).toBe('abcdef ghi');
  const named = rename(newConversation('c', '', 0), ' \u202eturned\u202c ');
  expect(named.title).toBe('turned');
});
