import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { GgufMetadata, GgufValue } from '../../src/format/gguf-values.ts';
import { BYTES_IN_TOKEN_ORDER, readSpelling, spellBytes } from '../../src/text/byte-alphabet.ts';
import type { Tokenizer } from '../../src/text/tokenizer.ts';
import { tokenizerFromGguf } from '../../src/text/tokenizer-gguf.ts';
import { tokenizerFromJson } from '../../src/text/tokenizer-json.ts';
import { CONTROL_TOKENS, fixtureTokenizer, fixtureVocabulary } from './fixture.ts';
import { testStrings } from './strings.ts';

const vocabulary = fixtureVocabulary();
const tokenizer = fixtureTokenizer();
const id = (text: string) => tokenizer.idOf(text) as number;

function ggufMetadata(more: Readonly<Record<string, GgufValue | undefined>> = {}): GgufMetadata {
  const entries: Record<string, GgufValue | undefined> = {
    'tokenizer.ggml.model': { type: 'string', value: 'gpt2' },
    'tokenizer.ggml.pre': { type: 'string', value: 'qwen2' },
    'tokenizer.ggml.tokens': { type: 'array', elementType: 'string', value: vocabulary.tokens },
    'tokenizer.ggml.token_type': {
      type: 'array',
      elementType: 'i32',
      value: Int32Array.from(vocabulary.tokenTypes),
    },
    'tokenizer.ggml.merges': { type: 'array', elementType: 'string', value: vocabulary.merges },
    ...more,
  };
  return new Map(
    Object.entries(entries).filter((entry): entry is [string, GgufValue] => entry[1] !== undefined),
  );
}

const u32 = (value: number): GgufValue => ({ type: 'u32', value });

/** The oracle's own file, with the vocabulary put back. */
function oracleJson() {
  const json = JSON.parse(readFileSync(new URL('../golden/tokenizer/shape.json', import.meta.url), 'utf8'));
  const normal = vocabulary.tokens.filter((_, index) => vocabulary.tokenTypes[index] === 1);
  json.model.vocab = Object.fromEntries(normal.map((text, index) => [text, index]));
  json.model.merges = vocabulary.merges.map((merge) => merge.split(' '));
  return json;
}

describe('byte alphabet', () => {
  test('every byte has its own character and comes back', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const spelled = spellBytes(bytes);
    expect(new Set(spelled).size).toBe(256);
    expect(spellBytes(Uint8Array.of(32, 10, 9, 33, 255, 173))).toBe('ĠĊĉ!ÿŃ');
    const back = new Uint8Array(256);
    expect(readSpelling(spelled, back, 0)).toBe(256);
    expect(back).toEqual(bytes);
    expect(readSpelling('中', back, 0)).toBe(-1);
  });

  test('the order of token ids is that of the published vocabularies', () => {
    const order = [...BYTES_IN_TOKEN_ORDER];
    expect(['!', ',', '\n', ' '].map((char) => order.indexOf(char.charCodeAt(0)))).toEqual([0, 11, 198, 220]);
  });
});

describe('tokenizer', () => {
  test('encode() leaves control tokens as text unless the caller allows them', () => {
    const text = 'a<|endofuserprompt|>b';
    expect([...tokenizer.encode(text)].some((token) => tokenizer.isControl(token))).toBe(false);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    expect([...tokenizer.encode(text, { control: true })]).toEqual([
      id('a'),
      id('<|endofuserprompt|>'),
      id('b'),
    ]);
  });

  test('encode() finds user-defined tokens always, the longest first', () => {
    expect([...tokenizer.encode('<tool_call>\n<tool_call>x')]).toEqual([
      id('<tool_call>\n'),
      id('<tool_call>'),
      id('x'),
    ]);
  });

  test('encodeParts() merges over the border of parts, and matches control tokens inside allowed parts only', () => {
    const parts = [
      { text: '<|system|>hel', control: true },
      { text: 'lo<|system|>', control: false },
      { text: '<|sys', control: true },
      { text: 'tem|>', control: false },
      { text: '<|sys', control: true },
      { text: 'tem|>', control: true },
    ];
    const ids = tokenizer.encodeParts(parts);
    expect([...ids.slice(1, -1)]).toEqual([...tokenizer.encode('hello<|system|><|system|>')]);
    expect([ids[0], ids.at(-1)]).toEqual([id('<|system|>'), id('<|system|>')]);
  });

  test('encodeSteps() gives the ids of encodeParts() and pauses within long texts, also within one long word', () => {
    for (const text of ['hello world '.repeat(5000), 'hello'.repeat(10_000), '好'.repeat(20_000)]) {
      const steps = tokenizer.encodeSteps([{ text, control: false }]);
      let numPauses = 0;
      let step = steps.next();
      for (; !step.done; step = steps.next()) numPauses++;
      expect([...step.value]).toEqual([...tokenizer.encodeParts([{ text, control: false }])]);
      expect(numPauses).toBeGreaterThan(4);
    }
  });

  test('controlTokens() gives the control tokens of encodeParts()', () => {
    const parts = [
      { text: '<|system|>a<|endofuserprompt|>', control: true },
      { text: 'b<|system|>', control: false },
    ];
    const expected = [...tokenizer.encodeParts(parts)].filter((token) => tokenizer.isControl(token));
    expect(tokenizer.controlTokens(parts)).toEqual(expected);
    expect(expected).toHaveLength(2);
  });

  test('longestTokenBytes bounds the bytes of every token', () => {
    let longest = 0;
    for (let i = 0; i < tokenizer.vocabSize; i++)
      longest = Math.max(longest, tokenizer.decodeBytes(i).length);
    expect(tokenizer.longestTokenBytes).toBe(longest);
  });

  test('encodeParts() finds a user-defined token where a control token is not allowed', () => {
    const both = fixtureTokenizer();
    const ids = both.encodeParts([{ text: '<|im_end|><tool_call>', control: false }]);
    expect(ids.at(-1)).toBe(id('<tool_call>'));
    expect(ids.includes(id('<|im_end|>'))).toBe(false);
  });

  test('a lone surrogate is encoded as U+FFFD', () => {
    for (const text of ['\ud800', 'a\udc00b', '\ud83dx', '中\udfff']) {
      const fixed = text.replace(/[\ud800-\udfff]/g, '\ufffd');
      expect([...tokenizer.encode(text)]).toEqual([...tokenizer.encode(fixed)]);
    }
  });

  test('decode() drops control tokens on demand, and unused ones always', () => {
    const padded = tokenizerFromGguf(
      ggufMetadata({
        'tokenizer.ggml.tokens': {
          type: 'array',
          elementType: 'string',
          value: [...vocabulary.tokens, '[PAD33270]'],
        },
        'tokenizer.ggml.token_type': {
          type: 'array',
          elementType: 'i32',
          value: Int32Array.from([...vocabulary.tokenTypes, 5]),
        },
      }),
    ) as Tokenizer;
    const unused = padded.vocabSize - 1;
    const ids = [id('<|response|>'), id('Hello'), unused, id('<tool_call>')];
    expect(padded.decode(ids)).toBe('<|response|>Hello<tool_call>');
    expect(padded.decode(ids, { skipControl: true })).toBe('Hello<tool_call>');
    expect(padded.isUnused(unused)).toBe(true);
    expect(padded.numRealTokens).toBe(padded.vocabSize - 1);
    expect(padded.idOf('[PAD33270]')).toBeUndefined();
    expect(padded.pieceOf(unused)).toBe('[PAD33270]');
    expect(padded.encode('[PAD33270]', { control: true }).includes(unused)).toBe(false);
  });

  test.each([-1, 33_270, 1.5, Number.NaN])('decode() refuses the id %d', (bad) => {
    for (const call of [
      () => tokenizer.decode([bad]),
      () => tokenizer.decodeBytes(bad),
      () => tokenizer.pieceOf(bad),
      () => tokenizer.isControl(bad),
    ]) {
      expect(call).toThrowError(expect.objectContaining({ name: 'UsageError', code: 'token-out-of-range' }));
    }
  });

  test('pieceOf() and idOf() are inverse, and the bytes are those of the text', () => {
    expect(tokenizer.pieceOf(id('Ġthe'))).toBe('Ġthe');
    expect(new TextDecoder().decode(tokenizer.decodeBytes(id('Ġthe')))).toBe(' the');
    expect(new TextDecoder().decode(tokenizer.decodeBytes(id('<|system|>')))).toBe('<|system|>');
    expect(tokenizer.controlIds.map((control) => tokenizer.pieceOf(control))).toEqual(CONTROL_TOKENS);
  });

  test('the cache of pieces forgets without changing ids', () => {
    // More different words than it holds, then the first ones again.
    const words = Array.from(
      { length: 70_000 },
      (_, i) => ` w${(i * 7919).toString(26).replace(/\d/g, 'q')}`,
    );
    const once = fixtureTokenizer();
    const first = once.encode(words.slice(0, 500).join(''));
    once.encode(words.join(''));
    expect(once.encode(words.slice(0, 500).join(''))).toEqual(first);
  });
});

describe('tokenizerFromGguf()', () => {
  test('a file without BOS gets none, even if old defaults name one', () => {
    expect(tokenizerFromGguf(ggufMetadata())?.special.bos).toBeUndefined();
    const named = { 'tokenizer.ggml.bos_token_id': u32(11) };
    expect(tokenizerFromGguf(ggufMetadata(named))?.special.bos).toBeUndefined();
    const off: GgufValue = { type: 'bool', value: false };
    expect(
      tokenizerFromGguf(ggufMetadata({ ...named, 'tokenizer.ggml.add_bos_token': off }))?.special.bos,
    ).toBeUndefined();
    const on: GgufValue = { type: 'bool', value: true };
    expect(
      tokenizerFromGguf(ggufMetadata({ 'tokenizer.ggml.add_bos_token': on }))?.special.bos,
    ).toBeUndefined();
    expect(
      tokenizerFromGguf(ggufMetadata({ ...named, 'tokenizer.ggml.add_bos_token': on }))?.special.bos,
    ).toBe(11);
    const override: GgufValue = { type: 'i32', value: -1 };
    expect(
      tokenizerFromGguf(
        ggufMetadata({ 'tokenizer.ggml.bos_token_id': override, 'tokenizer.ggml.add_bos_token': on }),
      )?.special.bos,
    ).toBeUndefined();
  });

  test('the pre-tokenizer is the named one; a file without a name gets the default, dots1 its own', () => {
    // The default splits punctuation from everything, newlines and contractions included.
    const text = "IT'S the.\n";
    const piecesOf = (more: Record<string, GgufValue | undefined>): [number, string[]] => {
      const warnings: string[] = [];
      const read = tokenizerFromGguf(ggufMetadata(more), {
        onWarning: (warning) => warnings.push(warning),
      }) as Tokenizer;
      return [read.encode(text).length, warnings];
    };
    const pre = (value: string): Record<string, GgufValue> => ({
      'tokenizer.ggml.pre': { type: 'string', value },
    });
    const dots1: Record<string, GgufValue> = {
      'general.architecture': { type: 'string', value: 'dots1' },
    };
    const [qwen2] = piecesOf(pre('qwen2'));
    const [byDefault] = piecesOf(pre('default'));
    expect(byDefault).toBeGreaterThan(qwen2);
    expect(piecesOf(pre('default'))).toEqual([byDefault, []]);
    expect(piecesOf({ 'tokenizer.ggml.pre': undefined })).toEqual([
      byDefault,
      ["the file names no pre-tokenizer; using default's"],
    ]);
    expect(piecesOf({ ...dots1, ...pre('default') })).toEqual([
      qwen2,
      ['the file names the pre-tokenizer "default"; using qwen2\'s'],
    ]);
    expect(piecesOf({ ...dots1, 'tokenizer.ggml.pre': undefined })[0]).toBe(qwen2);
    expect(() => piecesOf(pre('made-up'))).toThrowError(
      expect.objectContaining({ name: 'UnsupportedError', message: expect.stringContaining('"made-up"') }),
    );
  });

  test('a piece that is spelled like a control token stays text where whole pieces are taken', () => {
    const tokens = [...vocabulary.tokens];
    tokens[id('<|im_end|>')] = 'ThatIsTheEnd';
    const read = tokenizerFromGguf(
      ggufMetadata({
        'tokenizer.ggml.pre': { type: 'string', value: 'llama-bpe' },
        'tokenizer.ggml.tokens': { type: 'array', elementType: 'string', value: tokens },
      }),
    ) as Tokenizer;
    expect(read.encode('ThatIsTheEnd', { control: true })).toEqual(Int32Array.of(id('<|im_end|>')));
    expect([...read.encode('ThatIsTheEnd')]).not.toContain(id('<|im_end|>'));
    expect(read.decode(read.encode('ThatIsTheEnd'))).toBe('ThatIsTheEnd');
  });

  test('a vocabulary may lack the bytes of control characters: they are left out before merging', () => {
    const tokens = vocabulary.tokens.map((text) =>
      text === spellBytes(Uint8Array.of(4)) || text === spellBytes(Uint8Array.of(0xf1))
        ? `${text}${text}`
        : text,
    );
    const read = tokenizerFromGguf(
      ggufMetadata({ 'tokenizer.ggml.tokens': { type: 'array', elementType: 'string', value: tokens } }),
    ) as Tokenizer;
    expect([...read.encode('\u0004')]).toEqual([]);
    // Both are one piece of punctuation, and what is left of it merges.
    expect([...read.encode('.\u0004.')]).toEqual([...read.encode('..')]);
    expect(read.encode('..')).toHaveLength(1);
    const long = '.\u0004'.repeat(3000);
    expect([...read.encode(long)]).toEqual([...read.encode('.'.repeat(3000))]);
    expect(read.decode(read.encode('\u{40000}'))).toBe('\ufffd\ufffd\ufffd');
  });

  test('every end token counts, the declared one first', () => {
    const { special } = tokenizerFromGguf(
      ggufMetadata({
        'tokenizer.ggml.eos_token_id': u32(id('<|im_end|>')),
        'tokenizer.ggml.padding_token_id': u32(3),
      }),
    ) as Tokenizer;
    expect(special.eos).toEqual(['<|im_end|>', '<|endofresponse|>', '<|endoftext|>'].map(id));
    expect(special.pad).toBe(3);
  });

  test('a file without a tokenizer gives none; one of another kind is refused', () => {
    expect(tokenizerFromGguf(new Map())).toBeUndefined();
    expect(() =>
      tokenizerFromGguf(ggufMetadata({ 'tokenizer.ggml.model': { type: 'string', value: 'llama' } })),
    ).toThrowError(
      expect.objectContaining({ name: 'UnsupportedError', message: expect.stringContaining('"llama"') }),
    );
  });

  test.each<[string, Record<string, GgufValue>, string]>([
    [
      'as many types as tokens',
      { 'tokenizer.ggml.token_type': { type: 'array', elementType: 'i32', value: Int32Array.of(1, 2) } },
      'bad-vocabulary',
    ],
    [
      'merges of known tokens',
      { 'tokenizer.ggml.merges': { type: 'array', elementType: 'string', value: ['Ġ t', 'Ġ 中'] } },
      'bad-merge',
    ],
    ['an end token in range', { 'tokenizer.ggml.eos_token_id': u32(1_000_000) }, 'bad-special-token'],
    [
      'a token for every byte',
      {
        'tokenizer.ggml.tokens': {
          type: 'array',
          elementType: 'string',
          value: vocabulary.tokens.map((text) => (text === 'Ċ' ? 'ĊĊĊĊĊĊ!' : text)),
        },
        'tokenizer.ggml.merges': { type: 'array', elementType: 'string', value: [] },
      },
      'bad-vocabulary',
    ],
  ])('a vocabulary needs %s', (_, more, code) => {
    expect(() => tokenizerFromGguf(ggufMetadata(more))).toThrowError(
      expect.objectContaining({ name: 'FormatError', code }),
    );
  });
});

describe('tokenizerFromJson()', () => {
  const sample = testStrings(vocabulary).filter(({ kind }, i) => i % 25 === 0 && kind !== 'million');

  test("reads the oracle's own file to the same tokenizer as GGUF's tables, plus NFC", () => {
    const fromJson = tokenizerFromJson({ tokenizerJson: oracleJson() });
    expect(fromJson.vocabSize).toBe(tokenizer.vocabSize);
    for (const { text } of sample) {
      expect(fromJson.encode(text, { control: true })).toEqual(
        fixtureTokenizerNfc.encode(text, { control: true }),
      );
    }
    expect([...fromJson.encode('e\u0301')]).toEqual([...fromJson.encode('é')]);
    expect([...tokenizer.encode('e\u0301')]).not.toEqual([...tokenizer.encode('é')]);
  });

  const fixtureTokenizerNfc = fixtureTokenizer({ normalizer: 'nfc' });

  test('merges spelled as strings mean the same as pairs', () => {
    const json = oracleJson();
    json.model.merges = vocabulary.merges;
    const fromJson = tokenizerFromJson({ tokenizerJson: json });
    expect([...fromJson.encode('Hello, world! 你好')]).toEqual([...tokenizer.encode('Hello, world! 你好')]);
  });

  test('a token that asks for normalised text is looked for there', () => {
    const json = oracleJson();
    json.added_tokens.at(-2).normalized = true;
    const fromJson = tokenizerFromJson({ tokenizerJson: json });
    // Composed, the last character of the token and the stroke over it are one character: no token.
    expect(fromJson.encode('<tool_call>\u0338').includes(id('<tool_call>'))).toBe(false);
    expect(fromJson.encode('<tool_call>').includes(id('<tool_call>'))).toBe(true);
  });

  test('all end tokens of the neighbour files count, and padding up to vocab_size is unused', () => {
    const warnings: string[] = [];
    const fromJson = tokenizerFromJson(
      {
        tokenizerJson: oracleJson(),
        tokenizerConfig: {
          eos_token: { content: '<|im_start|>' },
          bos_token: null,
          add_bos_token: true,
          pad_token: '<|endoftext|>',
          added_tokens_decoder: { [id('<|endofresponse|>')]: { content: '<|response|>' } },
        },
        generationConfig: { eos_token_id: [5, id('<|endofresponse|>')] },
        config: { vocab_size: 33_400, eos_token_id: 7 },
      },
      { onWarning: (text) => warnings.push(text) },
    );
    expect(fromJson.special).toEqual({
      eos: [id('<|im_start|>'), 7, 5, id('<|endofresponse|>'), id('<|endoftext|>'), id('<|im_end|>')],
      pad: id('<|endoftext|>'),
    });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('<|endofresponse|>');
    expect(fromJson.vocabSize).toBe(33_400);
    expect(fromJson.numRealTokens).toBe(33_270);
    expect(fromJson.pieceOf(33_399)).toBe('[PAD33399]');
    expect(fromJson.isUnused(33_399)).toBe(true);
  });

  test('ignore_merges takes a piece that is a token as it is', () => {
    const json = oracleJson();
    json.model.merges = [];
    expect(tokenizerFromJson({ tokenizerJson: json }).encode(' the world').length).toBe(10);
    json.model.ignore_merges = true;
    expect([...tokenizerFromJson({ tokenizerJson: json }).encode(' the world')]).toEqual(
      ['Ġthe', 'Ġworld'].map(id),
    );
  });

  // Each changes one thing of a file that is fine.
  type Json = ReturnType<typeof oracleJson>;
  const CHANGES: readonly [string, string, (json: Json) => void][] = [
    ['UnsupportedError', 'a Unigram model', (json) => (json.model.type = 'Unigram')],
    ['UnsupportedError', 'dropout', (json) => (json.model.dropout = 0.1)],
    ['UnsupportedError', 'the normalizer NFKC', (json) => (json.normalizer = { type: 'NFKC' })],
    ['UnsupportedError', 'the decoder WordPiece', (json) => (json.decoder = { type: 'WordPiece' })],
    [
      'UnsupportedError',
      'a prefix space',
      (json) => (json.pre_tokenizer.pretokenizers[1].add_prefix_space = true),
    ],
    ['UnsupportedError', 'without ByteLevel', (json) => json.pre_tokenizer.pretokenizers.pop()],
    [
      'UnsupportedError',
      'the pre-tokenizer',
      (json) => (json.pre_tokenizer.pretokenizers[0].behavior = 'Removed'),
    ],
    ['FormatError', 'expected an object', (json) => (json.model = [])],
    ['FormatError', 'expected a list', (json) => (json.model.merges = 'a b')],
    ['FormatError', '"a b" or ["a", "b"]', (json) => (json.model.merges[7] = ['a'])],
    ['FormatError', 'an id and a text', (json) => (json.added_tokens[1].id = '7')],
    ['FormatError', 'ids below', (json) => (json.model.vocab['!'] = 4_000_000_000)],
    ['FormatError', 'one text for each id', (json) => (json.model.vocab['!'] = 1)],
  ];
  test.each(CHANGES)('throws %s: %s', (name, message, change) => {
    const json = oracleJson();
    change(json);
    expect(() => tokenizerFromJson({ tokenizerJson: json })).toThrowError(
      expect.objectContaining({ name, message: expect.stringContaining(message) }),
    );
  });

  test('a start token that the post-processor adds is the BOS', () => {
    const json = oracleJson();
    const sequence = { Sequence: { id: 'A', type_id: 0 } };
    json.post_processor = {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<|endoftext|>', type_id: 0 } }, sequence],
    };
    const tokenizer = tokenizerFromJson({ tokenizerJson: json });
    const start = id('<|endoftext|>');
    expect(tokenizer.special.bos).toBe(start);
    expect(tokenizer.encodePrompt('')).toEqual([start]);
    expect(tokenizer.encodePrompt('hi')).toEqual([start, ...tokenizer.encode('hi')]);
    // A text that spells the start token gets control tokens only where they are allowed, and the start token anyway.
    const text = '<|endoftext|>hi';
    expect(tokenizer.encodePrompt(text)).toEqual([start, ...tokenizer.encode(text)]);
    expect(tokenizer.encodePrompt(text, { control: true })).toEqual([
      start,
      start,
      ...tokenizer.encode('hi'),
    ]);
    json.post_processor.single.reverse();
    expect(() => tokenizerFromJson({ tokenizerJson: json })).toThrow('an end token after the text');
  });
});
