import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tokenizerFiles, tokenizerToConfig, tokenizerToJson } from '../../src/convert/tokenizer-files.ts';
import { tokenizerMetadata } from '../../src/convert/tokenizer-gguf.ts';
import type { GgufMetadata } from '../../src/format/gguf-values.ts';
import type { JsonObject } from '../../src/format/hf-folder.ts';
import type { TokenizerSource } from '../../src/text/tokenizer.ts';
import { readGgufTokenizer } from '../../src/text/tokenizer-gguf.ts';
import { readJsonTokenizer, tokenizerFromJson } from '../../src/text/tokenizer-json.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';
import { TINY_HF_FOLDER } from '../fixtures/golden-dots1.ts';

const readJson = (name: string): JsonObject => JSON.parse(readFileSync(join(TINY_HF_FOLDER, name), 'utf8'));
const tokenizerJson = readJson('tokenizer.json');
const config = readJson('config.json');
const fromHf = (more: object = {}): TokenizerSource => readJsonTokenizer({ config, tokenizerJson, ...more });
const keysOf = (source: TokenizerSource, vocabSize = 448): GgufMetadata =>
  new Map(tokenizerMetadata(source, vocabSize, 'the folder'));

describe('tokenizerMetadata()', () => {
  it('fills the rows after the last token with unused ones', () => {
    const metadata = keysOf(readJsonTokenizer({ tokenizerJson }));
    const tokens = metadata.get('tokenizer.ggml.tokens')?.value as string[];
    const kinds = metadata.get('tokenizer.ggml.token_type')?.value as Int32Array;
    expect(tokens).toHaveLength(448);
    expect(tokens[439]).toBe('<|endofsystem|>');
    expect(kinds[439]).toBe(3);
    expect([tokens[440], kinds[440], tokens[447]]).toEqual(['[PAD440]', 5, '[PAD447]']);
  });

  it("puts the configuration's end token before those of generation_config.json", () => {
    const eosOf = (more: object): unknown[] =>
      ['eos', 'eot'].map((role) => keysOf(fromHf(more)).get(`tokenizer.ggml.${role}_token_id`)?.value);
    expect(eosOf({ generationConfig: { eos_token_id: [431, 437] } })).toEqual([437, 431]);
    expect(
      eosOf({
        config: { ...config, eos_token_id: null },
        tokenizerConfig: { eos_token: { content: '<|endoftext|>' } },
      }),
    ).toEqual([431, undefined]);
  });

  it('refuses ids that the embedding has no row for', () => {
    expect(() => keysOf(fromHf(), 300)).toThrow(/300 rows/);
  });

  it('refuses to call another way of cutting text by the name of this one', () => {
    const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };
    const split = { type: 'Split', pattern: { Regex: '\\d+' }, behavior: 'Isolated' };
    const sequence = { type: 'Sequence', pretokenizers: [split, byteLevel] };
    const other = { ...tokenizerJson, pre_tokenizer: sequence };
    expect(() => keysOf(fromHf({ tokenizerJson: other }))).toThrow(/cuts text by/);
    const model = { ...(tokenizerJson.model as object), ignore_merges: true };
    expect(() => keysOf(fromHf({ tokenizerJson: { ...tokenizerJson, model } }))).toThrow(/whole pieces/);
    expect(() => fromHf({ tokenizerJson: { ...tokenizerJson, model: { type: 'Unigram' } } })).toThrow(
      /Unigram/,
    );
  });

  it('refuses tokens that take the white space next to them', () => {
    const [first, ...others] = tokenizerJson.added_tokens as JsonObject[];
    const stripping = { ...tokenizerJson, added_tokens: [{ ...first, rstrip: true }, ...others] };
    expect(() => keysOf(fromHf({ tokenizerJson: stripping }))).toThrow(/white space/);
  });

  it('takes merges in both spellings', () => {
    const model = tokenizerJson.model as { merges: (string | string[])[] };
    const spelled = model.merges.map((merge) => (Array.isArray(merge) ? merge.join(' ') : merge));
    const pairs = spelled.map((merge) => merge.split(' '));
    for (const merges of [spelled, pairs]) {
      const metadata = keysOf(fromHf({ tokenizerJson: { ...tokenizerJson, model: { ...model, merges } } }));
      expect(metadata.get('tokenizer.ggml.merges')?.value).toEqual(spelled);
    }
  });
});

describe('tokenizer keys of GGUF', () => {
  it('come back as they went in, and always say that nothing is put before a text', () => {
    const source = fromHf({
      generationConfig: { eos_token_id: [431, 437] },
      tokenizerConfig: { pad_token: '<|endoftext|>' },
    });
    const metadata = keysOf(source);
    expect(keysOf(readGgufTokenizer(metadata) as TokenizerSource)).toEqual(metadata);
    expect(metadata.get('tokenizer.ggml.add_bos_token')).toEqual({ type: 'bool', value: false });
    expect(metadata.has('tokenizer.ggml.bos_token_id')).toBe(false);
  });
});

describe('tokenizerToJson()', () => {
  const texts = ['The lamp has 3 lenses.', '小灯塔 🟢\r\n\tx', 'a <|response|> b'];

  it('encodes as before', () => {
    const before = tokenizerFromJson({ tokenizerJson, config });
    const after = tokenizerFromJson({ tokenizerJson: tokenizerToJson(fromHf()), config });
    for (const text of texts)
      for (const control of [false, true])
        expect(after.encode(text, { control })).toEqual(before.encode(text, { control }));
  });

  it('keeps the ids of control tokens that do not follow the vocabulary at once', () => {
    // Some files have unused rows before their control tokens.
    const source = fromHf();
    const tokens = [...source.vocabulary.texts];
    const kinds = tokens.map((_, id) => source.vocabulary.kindOf(id));
    [tokens[447], tokens[436]] = [tokens[436], '[PAD436]'];
    [kinds[447], kinds[436]] = [kinds[436], kinds[447]];
    const json = tokenizerToJson({ ...source, vocabulary: new Vocabulary(tokens, kinds) });
    expect(tokenizerFromJson({ tokenizerJson: json, config }).idOf('<|response|>')).toBe(447);
    // Readers that number added tokens themselves find it in the vocabulary.
    expect((json.model as { vocab: Record<string, number> }).vocab['<|response|>']).toBe(447);
    const usual = tokenizerToJson(source).model as { vocab: Record<string, number> };
    expect(usual.vocab).not.toHaveProperty('<|response|>');
  });

  it('has a template for a start token that goes before every text', () => {
    const metadata = new Map(keysOf(fromHf()));
    metadata.set('tokenizer.ggml.bos_token_id', { type: 'u32', value: 431 });
    metadata.set('tokenizer.ggml.add_bos_token', { type: 'bool', value: true });
    const source = readGgufTokenizer(metadata) as TokenizerSource;
    const again = readJsonTokenizer({ tokenizerJson: tokenizerToJson(source), config });
    expect(again.special.bos).toBe(431);
    expect(keysOf(again)).toEqual(metadata);
  });
});

it('tokenizerToConfig() names the special tokens and carries the template', () => {
  expect(tokenizerToConfig(fromHf(), 512, '{{ x }}')).toMatchObject({
    bos_token: null,
    eos_token: '<|endofresponse|>',
    pad_token: null,
    model_max_length: 512,
    chat_template: '{{ x }}',
  });
});

it('a normaliser that a later release may write is refused, not ignored', () => {
  const metadata = new Map(keysOf(fromHf())).set('dots.tokenizer.normalizer', {
    type: 'string',
    value: 'nfkc',
  });
  expect(() => readGgufTokenizer(metadata)).toThrow(/the normaliser "nfkc" is not known/);
});

it('what a GGUF file becomes ends generation at the tokens that we end it at', () => {
  const source = readGgufTokenizer(keysOf(fromHf())) as TokenizerSource;
  const files = tokenizerFiles(source, 512, undefined);
  const again = readJsonTokenizer({ ...files, tokenizerJson: files.tokenizerJson as JsonObject, config });
  expect(again.special).toEqual(source.special);
  expect(files.generationConfig?.eos_token_id).toEqual(source.special.eos);
  // Its own, and those that mean the end in every vocabulary that has them.
  expect(source.special.eos.map((id) => source.vocabulary.texts[id])).toEqual([
    '<|endofresponse|>',
    '<|endoftext|>',
    '<|im_end|>',
  ]);
});
