/** Tokenizers of other families, set up as their files set them up, against Hugging Face tokenizers' recorded ids. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { GgufMetadata, GgufValue } from '../../src/format/gguf-values.ts';
import type { Tokenizer } from '../../src/text/tokenizer.ts';
import { tokenizerFromGguf } from '../../src/text/tokenizer-gguf.ts';
import { tokenizerFromJson } from '../../src/text/tokenizer-json.ts';
import { fixtureVocabulary } from './fixture.ts';
import { hashIds, strings } from './oracle.ts';

const GOLDEN = new URL('../golden/tokenizer-relatives/', import.meta.url);

interface Setup {
  readonly model: { readonly ignore_merges: boolean };
  readonly post_processor: { readonly type: string };
}

const { step, longest, setups } = JSON.parse(readFileSync(new URL('setups.json', GOLDEN), 'utf8')) as {
  step: number;
  longest: number;
  setups: Record<string, Setup>;
};
const bytes = readFileSync(new URL('ids.bin', GOLDEN));
const recorded = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const texts = strings
  .filter((_, i) => i % step === 0)
  .map(({ text }) => text)
  .filter((text) => text.length <= longest);
const names = Object.keys(setups);

const vocabulary = fixtureVocabulary();

/** As the script leaves some out where whole pieces are tokens. */
function mergesOf({ model }: Setup): string[] {
  return vocabulary.merges.filter((_, i) => !model.ignore_merges || i % 50 !== 7);
}

function fromJson(setup: Setup): Tokenizer {
  const normal = vocabulary.tokens.filter((_, id) => vocabulary.tokenTypes[id] === 1);
  const model = {
    ...setup.model,
    vocab: Object.fromEntries(normal.map((text, id) => [text, id])),
    merges: mergesOf(setup),
  };
  return tokenizerFromJson({ tokenizerJson: { ...setup, model } });
}

function fromGguf(pre: string, setup: Setup, more: [string, GgufValue][] = []): Tokenizer {
  const strings = (value: readonly string[]): GgufValue => ({ type: 'array', elementType: 'string', value });
  const entries: [string, GgufValue][] = [
    ['model', { type: 'string', value: 'gpt2' }],
    ['pre', { type: 'string', value: pre }],
    ['tokens', strings(vocabulary.tokens)],
    ['token_type', { type: 'array', elementType: 'i32', value: Int32Array.from(vocabulary.tokenTypes) }],
    ['merges', strings(mergesOf(setup))],
    ['bos_token_id', { type: 'u32', value: vocabulary.tokens.indexOf('<|endoftext|>') }],
    ...more,
  ];
  const metadata: GgufMetadata = new Map(entries.map(([key, value]) => [`tokenizer.ggml.${key}`, value]));
  return tokenizerFromGguf(metadata) as Tokenizer;
}

/** The first strings whose ids differ from the recorded ones, so that a failure can be read. */
function differences(name: string, tokenizer: Tokenizer): string[] {
  const first = names.indexOf(name) * texts.length;
  const wrong: string[] = [];
  for (let i = 0; i < texts.length && wrong.length < 10; i++) {
    const at = (first + i) * 2;
    const asText = hashIds(tokenizer.encode(texts[i])) === recorded[at];
    const asPrompt = hashIds(tokenizer.encodePrompt(texts[i], { control: true })) === recorded[at + 1];
    if (!asText || !asPrompt)
      wrong.push(`${asText ? 'control ' : ''}${JSON.stringify(texts[i].slice(0, 200))}`);
  }
  return wrong;
}

test('the recorded ids are of these strings', () => {
  expect(recorded.length).toBe(names.length * texts.length * 2);
});

describe.each(names)('encode() of %s gives the ids of Hugging Face tokenizers', (name) => {
  test('from tokenizer.json', () => {
    expect(differences(name, fromJson(setups[name]))).toEqual([]);
  });

  // GGUF has no key for a normaliser, nor for tokens that take white space along.
  const hasName = !['qwen3', 'behaviors', 'borders', 'stripping', 'prefix-space'].includes(name);
  test.runIf(hasName)('from the name in GGUF', () => {
    expect(differences(name, fromGguf(name, setups[name]))).toEqual([]);
  });
});

test('tokenizer.ggml.add_space_prefix puts a space before text, as add_prefix_space does', () => {
  const tokenizer = fromGguf('gpt-2', setups['prefix-space'], [
    ['add_space_prefix', { type: 'bool', value: true }],
  ]);
  expect(differences('prefix-space', tokenizer)).toEqual([]);
});
