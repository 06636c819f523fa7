import { describe, expect, it } from 'vitest';
import { CounterRandom } from '../../src/core/counter-random.ts';
import { FormatError, UnsupportedError } from '../../src/core/errors.ts';
import { encodeConversation, readConversations } from '../../src/data/conversations.ts';
import { FALLBACK_TEMPLATE } from '../../src/text/chat-template.ts';
import { jsonLines, temporaryFolder, tinyTokenizer } from './helpers.ts';

const folder = temporaryFolder();
const tokenizer = await tinyTokenizer();
const TURNS = [
  { role: 'system', content: 'Be kind.' },
  { role: 'user', content: 'Hi <|response|> there' },
  { role: 'assistant', content: 'Hello.' },
  { role: 'user', content: '你好' },
  { role: 'assistant', content: '你好，小母鸡。' },
];
const counted = (conversation: { tokens: Int32Array; lossMask: Uint8Array }) =>
  tokenizer.decode(conversation.tokens.filter((_, i) => conversation.lossMask[i] === 1));

describe('encodeConversation()', () => {
  it("counts the assistant's words and its end marker, and nothing else", () => {
    const conversation = encodeConversation(TURNS, FALLBACK_TEMPLATE, tokenizer, 1000);
    expect(conversation && tokenizer.decode(conversation.tokens)).toBe(
      '<|system|>Be kind.<|endofsystem|><|userprompt|>Hi <|response|> there<|endofuserprompt|>' +
        '<|response|>Hello.<|endofresponse|><|userprompt|>你好<|endofuserprompt|><|response|>你好，小母鸡。<|endofresponse|>',
    );
    expect(conversation && counted(conversation)).toBe(
      'Hello.<|endofresponse|>你好，小母鸡。<|endofresponse|>',
    );
  });

  it('leaves out the turns that do not fit', () => {
    const whole = encodeConversation(TURNS, FALLBACK_TEMPLATE, tokenizer, 1000);
    const shorter = encodeConversation(TURNS, FALLBACK_TEMPLATE, tokenizer, (whole?.tokens.length ?? 0) - 1);
    expect(shorter && counted(shorter)).toBe('Hello.<|endofresponse|>');
    expect(encodeConversation(TURNS, FALLBACK_TEMPLATE, tokenizer, 5)).toBeUndefined();
  });

  it('refuses a template that rewrites earlier turns', () => {
    const source =
      "{% for m in messages %}{{ m['content'] if loop.last else 'x' }}{% endfor %}{% if add_generation_prompt %}>{% endif %}";
    expect(() =>
      encodeConversation(TURNS, { source, isFallback: false, tokens: {} }, tokenizer, 1000),
    ).toThrow(UnsupportedError);
  });
});

describe('readConversations()', () => {
  const talk = (content: string) => ({
    messages: [
      { role: 'user', content: 'Say' },
      { role: 'assistant', content },
    ],
  });
  const options = { template: FALLBACK_TEMPLATE, tokenizer, maxTokens: 64, random: new CounterRandom(1) };

  it('repeats conversations as often as they are upsampled', async () => {
    const many = folder.write('many.jsonl', jsonLines(Array.from({ length: 200 }, (_, i) => talk(`${i}`))));
    const twice = await readConversations([{ files: [many], upsample: 2 }], options);
    expect(twice.epoch.length).toBe(400);
    const half = await readConversations([{ files: [many], upsample: 0.5 }], options);
    expect(half.epoch.length).toBeGreaterThan(70);
    expect(half.epoch.length).toBeLessThan(130);
    expect([...(await readConversations([{ files: [many], upsample: 0.5 }], options)).epoch]).toEqual([
      ...half.epoch,
    ]);
  });

  it('counts those whose first answer is too long, and refuses when none is left', async () => {
    const file = folder.write('long.jsonl', jsonLines([talk('long '.repeat(100)), talk('short')]));
    expect(await readConversations([{ files: [file], upsample: 1 }], options)).toMatchObject({
      numTooLong: 1,
    });
    const long = folder.write('longer.jsonl', jsonLines([talk('long '.repeat(100))]));
    await expect(readConversations([{ files: [long], upsample: 1 }], options)).rejects.toThrow(FormatError);
  });

  it.each([
    [{ text: 'a' }, 'no list "messages"'],
    [{ messages: [{ role: 'user' }] }, '"content"'],
    [{ messages: [{ role: 'user', content: 'a' }] }, 'nothing to learn'],
  ])('names the line of %j', async (line, found) => {
    const file = folder.write('bad.jsonl', jsonLines([talk('fine'), line]));
    await expect(readConversations([{ files: [file], upsample: 1 }], options)).rejects.toThrow(FormatError);
    await expect(readConversations([{ files: [file], upsample: 1 }], options)).rejects.toThrow('line 2');
    await expect(readConversations([{ files: [file], upsample: 1 }], options)).rejects.toThrow(found);
  });
});
