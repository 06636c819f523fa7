import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type TokenizerTables,
  tokenizerFromGguf,
  tokenizerFromHf,
  tokenizerMetadata,
  tokenizerToConfig,
  tokenizerToJson,
} from '../../src/convert/tokenizer-tables.ts';
import type { GgufMetadata } from '../../src/format/gguf-values.ts';
import type { JsonObject } from '../../src/format/hf-folder.ts';
import { tokenizerFromJson } from '../../src/text/tokenizer-json.ts';
import { TINY_HF_FOLDER } from '../fixtures/golden-dots1.ts';

const readJson = (name: string): JsonObject => JSON.parse(readFileSync(join(TINY_HF_FOLDER, name), 'utf8'));
const tokenizerJson = readJson('tokenizer.json');
const config = readJson('config.json');
const fromHf = (more: object = {}): TokenizerTables =>
  tokenizerFromHf({ config, tokenizerJson, ...more }, 448, 'the folder') as TokenizerTables;

describe('tokenizerFromHf()', () => {
  it('fills the rows behind the last token with unused ones', () => {
    const { tokens, kinds } = fromHf();
    expect(tokens).toHaveLength(448);
    expect(tokens[439]).toBe('<|endofsystem|>');
    expect(kinds[439]).toBe(3);
    expect([tokens[440], kinds[440], tokens[447]]).toEqual(['[PAD440]', 5, '[PAD447]']);
  });

  it("puts the configuration's end token before those of generation_config.json", () => {
    expect(fromHf({ generationConfig: { eos_token_id: [431, 437] } }).eos).toEqual([437, 431]);
    expect(
      fromHf({
        config: { ...config, eos_token_id: null },
        tokenizerConfig: { eos_token: { content: '<|endoftext|>' } },
      }).eos,
    ).toEqual([431]);
  });

  it('refuses ids that the embedding has no row for', () => {
    expect(() => tokenizerFromHf({ config, tokenizerJson }, 300, 'the folder')).toThrow(/300 rows/);
  });

  it('refuses to call another way of cutting text by the name of this one', () => {
    const split = { type: 'Split', pattern: { Regex: '\\d+' }, behavior: 'Isolated' };
    const other = { ...tokenizerJson, pre_tokenizer: split };
    expect(() => fromHf({ tokenizerJson: other })).toThrow(/cuts text by/);
    expect(() => fromHf({ tokenizerJson: { ...tokenizerJson, model: { type: 'Unigram' } } })).toThrow(
      /Unigram/,
    );
  });

  it('takes merges in both spellings', () => {
    const model = tokenizerJson.model as { merges: (string | string[])[] };
    const spelled = model.merges.map((merge) => (Array.isArray(merge) ? merge.join(' ') : merge));
    const pairs = spelled.map((merge) => merge.split(' '));
    for (const merges of [spelled, pairs])
      expect(fromHf({ tokenizerJson: { ...tokenizerJson, model: { ...model, merges } } }).merges).toEqual(
        spelled,
      );
  });
});

describe('tokenizer keys of GGUF', () => {
  it('come back as they went in, and always say that nothing is put before a text', () => {
    const tables = fromHf({
      generationConfig: { eos_token_id: [431, 437] },
      tokenizerConfig: { pad_token: '<|endoftext|>' },
    });
    const metadata: GgufMetadata = new Map(tokenizerMetadata(tables));
    expect(tokenizerFromGguf(metadata)).toEqual(tables);
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
    const tables = fromHf();
    const tokens = [...tables.tokens];
    const kinds = tables.kinds.slice();
    [tokens[447], tokens[436]] = [tokens[436], '[PAD436]'];
    [kinds[447], kinds[436]] = [kinds[436], kinds[447]];
    const json = tokenizerToJson({ ...tables, tokens, kinds });
    expect(tokenizerFromJson({ tokenizerJson: json, config }).idOf('<|response|>')).toBe(447);
    // Readers that number added tokens themselves find it in the vocabulary.
    expect((json.model as { vocab: Record<string, number> }).vocab['<|response|>']).toBe(447);
    const usual = tokenizerToJson(tables).model as { vocab: Record<string, number> };
    expect(usual.vocab).not.toHaveProperty('<|response|>');
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
