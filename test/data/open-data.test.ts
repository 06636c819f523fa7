import { existsSync, readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type DataConfig, hasConversations, readDataConfig } from '../../src/data/data-node.ts';
import { openData, openValidation } from '../../src/data/open-data.ts';
import { tokenizeCorpus } from '../../src/data/tokenize-corpus.ts';
import type { JsonValue } from '../../src/format/json.ts';
import { ObjectReader } from '../../src/format/object-reader.ts';
import { BpeTrainer } from '../../src/text/bpe-trainer.ts';
import { tokenizerFromJson } from '../../src/text/tokenizer-json.ts';
import { jsonLines, TEXTS, temporaryFolder, tinyTokenizer } from './helpers.ts';

const folder = temporaryFolder();
const tokenizer = await tinyTokenizer();
const MESSAGES = [
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: 'Hello, dear cat.' },
];
const SHARD = { shards: ['corpus.tok'] };
const CHAT = { chat: [{ files: ['chat.jsonl'] }] };

beforeAll(async () => {
  const file = folder.write('corpus.jsonl', jsonLines(TEXTS.map((text) => ({ text }))));
  folder.write('chat.jsonl', jsonLines(Array.from({ length: 40 }, () => ({ messages: MESSAGES }))));
  const long = MESSAGES.map((message) => ({ ...message, content: 'long '.repeat(100) }));
  folder.write('long.jsonl', jsonLines([{ messages: long }]));
  await tokenizeCorpus({ files: [file], tokenizer, out: `${folder.path}/corpus.tok`, language: 'en' });
});

/** The `data` field of a run -> its configuration, and what is wrong with it. */
function read(data: unknown): { config: DataConfig; problems: string[] } {
  const findings = { subject: 'the data', problems: [], known: new Set<string>() };
  return { config: readDataConfig(new ObjectReader(data, '', findings)), problems: findings.problems };
}

async function open(data: unknown) {
  const { config, problems } = read(data);
  expect(problems).toEqual([]);
  return openData(config, { tokenizer, folder: folder.path });
}

describe('readDataConfig()', () => {
  it('gives a tree: knots of a mixture of shards and joined conversations', () => {
    const { config } = read({
      mix: [
        { ...SHARD, weight: 3 },
        { ...CHAT, sessions: 2 },
      ],
      sequenceLength: 64,
      knots: { probability: 0.5 },
    });
    const conversations = { kind: 'conversations', sets: [{ files: ['chat.jsonl'], upsample: 1 }] };
    expect(config).toEqual({
      documents: {
        kind: 'knots',
        of: {
          kind: 'mixture',
          parts: [
            { of: { kind: 'shards', files: ['corpus.tok'] }, weight: 3 },
            { of: { kind: 'sessions', of: conversations, numSessions: 2 }, weight: 1 },
          ],
        },
        probability: 0.5,
        chunkShares: [0, 0.5, 0.5],
        keepOrder: false,
      },
      sequenceLength: 64,
      seed: 0,
    });
  });

  it('a single part is not a mixture', () => {
    expect(read({ mix: [SHARD] }).config.documents).toEqual({ kind: 'shards', files: ['corpus.tok'] });
  });

  it.each([
    ['an empty mix', { mix: [] }, '"mix" is [], expected a list with at least one object'],
    ['no mix', {}, '"mix" is missing, expected a list with at least one object'],
    ['a part of nothing', { mix: [{}] }, 'it has to have either "shards" or "chat" (entry 1 of "mix")'],
    ['a part of both', { mix: [{ ...SHARD, ...CHAT }] }, 'it has to have either "shards" or "chat"'],
    ['a part without weight', { mix: [SHARD, { ...SHARD, weight: 0 }] }, '"weight" is 0, expected a number'],
    ['chat without files', { mix: [{ chat: [{ upsample: 2 }] }] }, 'it has to have "files"'],
    ['empty chat', { mix: [{ chat: [] }] }, '"mix.chat" is [], expected a list with at least one object'],
    ['shards joined as sessions', { mix: [{ ...SHARD, sessions: 2 }] }, '"sessions" joins conversations'],
  ])('refuses %s', (_, data, problem) => {
    const { problems } = read(data);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });
});

describe('hasConversations()', () => {
  it('finds them wherever they are in the tree', () => {
    const found = (data: object) => hasConversations(read(data).config.documents);
    expect(found({ mix: [SHARD, SHARD], knots: {} })).toBe(false);
    expect(found({ mix: [SHARD, { ...CHAT, sessions: 2 }], knots: {} })).toBe(true);
  });
});

describe('openData()', () => {
  it('opens every kind of node', async () => {
    const data = await open({
      mix: [
        { ...SHARD, weight: 3 },
        { ...CHAT, sessions: 2 },
      ],
      sequenceLength: 128,
    });
    const text = tokenizer.decode((await data.source.next(1024)).tokens_T);
    expect(text).toContain('red hen');
    // Two sessions in one sequence.
    expect(text).toMatch(
      /(<.userprompt.>Hi<.endofuserprompt.><.response.>Hello, dear cat.<.endofresponse.>){2}/,
    );
    const shard = await open({ mix: [SHARD] });
    const chat = await open({ mix: [CHAT] });
    expect(data.numTokens).toBe(shard.numTokens + chat.numTokens);
    const knots = await open({
      mix: [SHARD],
      sequenceLength: 128,
      knots: { probability: 1, chunkShares: [0, 1] },
    });
    expect(tokenizer.decode((await knots.source.next(128)).tokens_T)).toMatch(/<D>\w{6}<\/D>/);
    for (const one of [data, shard, chat, knots]) await one.close();
  });

  it('draws every order and every choice from a stream of its own, whatever the seed, the part and the epoch', async () => {
    // A seed times a number plus an index is another seed’s with another index: these were equal.
    const orderOf = async (seed: number, part: number, epoch: number): Promise<string> => {
      const data = await open({ mix: Array(Math.max(2, part + 1)).fill(SHARD), seed });
      const { documents } = data.source.position() as {
        documents: { parts: { given: number; at: JsonValue }[] };
      };
      // Only this part gives: all others are far ahead.
      const parts = documents.parts.map(({ at }, i) =>
        i === part ? { given: 0, at: { ...(at as object), epoch } } : { given: 1e9, at },
      );
      await data.source.seek({ documents: { parts }, offset: 0 });
      const { tokens_T } = await data.source.next(400);
      await data.close();
      return tokens_T.join();
    };
    const drawn = [
      await orderOf(0, 0, 0),
      await orderOf(1, 0, 0),
      await orderOf(0, 1009, 0),
      await orderOf(0, 0, 100_003),
      await orderOf(0, 1, 0),
    ];
    expect(new Set(drawn).size).toBe(drawn.length);
  });

  it('knots a sequence by its number and the seed, which no other number and seed share', async () => {
    const idsOf = async (seed: number, sequence: number): Promise<string[]> => {
      const data = await open({
        mix: [SHARD],
        seed,
        sequenceLength: 256,
        knots: { probability: 1, chunkShares: [0, 1] },
      });
      const { documents } = data.source.position() as { documents: object };
      await data.source.seek({ documents: { ...documents, sequence }, offset: 0 });
      const text = tokenizer.decode((await data.source.next(256)).tokens_T);
      await data.close();
      return [...text.matchAll(/<D>(\w{6})<\/D>/g)].map(([, id]) => id);
    };
    // Ids of chunks are drawn: where two sequences have one in common, they have drawn the same numbers.
    const ids = [await idsOf(0, 0), await idsOf(1, 0), await idsOf(0, 100_000), await idsOf(0, 1)];
    for (const some of ids) expect(some.length).toBeGreaterThan(3);
    expect(new Set(ids.flat()).size).toBe(ids.flat().length);
  });

  it('counts conversations that are too long, in every part of a mix', async () => {
    const data = await open({
      mix: [CHAT, { chat: [{ files: ['chat.jsonl', 'long.jsonl'] }] }],
      sequenceLength: 64,
    });
    expect(data.numTooLong).toBe(1);
    await data.close();
  });

  it('refuses shards of different tokenizers, and a shard of another one than the run names', async () => {
    const trainer = new BpeTrainer({ vocabSize: 300 });
    trainer.addText('other words');
    const other = tokenizerFromJson({ tokenizerJson: JSON.parse((await trainer.train()).tokenizerJson()) });
    const files = [`${folder.path}/corpus.jsonl`];
    await tokenizeCorpus({ files, tokenizer: other, out: `${folder.path}/other.tok` });
    const refused = { code: 'different-tokenizers' };
    await expect(open({ mix: [SHARD, { shards: ['other.tok'] }] })).rejects.toMatchObject(refused);
    await expect(open({ mix: [{ shards: ['other.tok'] }] })).rejects.toMatchObject(refused);
  });

  it.runIf(existsSync('/proc/self/fd'))('leaves no file open when a later part fails', async () => {
    const numOpen = () => readdirSync('/proc/self/fd').length;
    const before = numOpen();
    const bad = folder.write('bad.tok', 'no shard');
    await expect(open({ mix: [SHARD, { shards: [bad] }] })).rejects.toMatchObject({ code: 'bad-shard' });
    await expect(openValidation(['corpus.tok', bad], 128, folder.path)).rejects.toMatchObject({
      code: 'bad-shard',
    });
    expect(numOpen()).toBe(before);
  });

  it('has an identity that changes with everything that decides its documents, and with nothing else', async () => {
    const identities: string[] = [];
    const other = MESSAGES.map(({ role, content }) => ({ role, content: `${content}!` }));
    folder.write('other-chat.jsonl', jsonLines([{ messages: other }]));
    const otherChat = { chat: [{ files: ['other-chat.jsonl'] }] };
    const variants = [
      { mix: [SHARD] },
      { mix: [SHARD], seed: 1 },
      { mix: [SHARD], sequenceLength: 64 },
      { mix: [SHARD, CHAT] },
      { mix: [SHARD, { ...CHAT, weight: 2 }] },
      { mix: [SHARD, { ...CHAT, sessions: 2 }] },
      { mix: [SHARD, { chat: [{ files: ['chat.jsonl'], upsample: 2 }] }] },
      { mix: [SHARD, otherChat] },
      { mix: [SHARD], knots: {} },
      { mix: [SHARD], knots: { keepOrder: true } },
    ];
    for (const data of variants) {
      const [one, again] = [await open(data), await open(data)];
      expect(again.identity).toEqual(one.identity);
      identities.push(one.identity.map(({ value }) => value).join());
      await one.close();
      await again.close();
    }
    expect(new Set(identities).size).toBe(variants.length);
  });

  it('names a shard that is not there, and asks for a tokenizer', async () => {
    await expect(open({ mix: [{ shards: ['nothing.tok'] }] })).rejects.toThrow('there is no such file');
    const { config } = read({ mix: [CHAT] });
    await expect(openData(config, { folder: folder.path })).rejects.toThrow('need a tokenizer');
  });
});

describe('openValidation()', () => {
  it('gives each shard by its language, in the order of the file', async () => {
    const { sets, close } = await openValidation(['corpus.tok'], 128, folder.path);
    expect(sets.map((set) => set.name)).toEqual(['en']);
    const all = await sets[0].source.next(sets[0].numTokens);
    expect(tokenizer.decode(all.tokens_T, { skipControl: true })).toBe(TEXTS.join(''));
    await close();
  });

  it('distinguishes sets of one language by their files', async () => {
    const { sets, close } = await openValidation(['corpus.tok', './corpus.tok'], 128, folder.path);
    expect(sets.map((set) => set.name)).toEqual(['corpus.tok', './corpus.tok']);
    await close();
    const twice = await openValidation(['corpus.tok', 'corpus.tok'], 128, folder.path);
    expect(twice.sets.map((set) => set.name)).toEqual(['corpus.tok (1)', 'corpus.tok (2)']);
    await twice.close();
  });
});
