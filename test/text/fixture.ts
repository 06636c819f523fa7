/** The vocabulary of the tokenizer tests, as the oracle's `load()` in test/golden/tokenizer/oracle.py builds it. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { BYTES_IN_TOKEN_ORDER, spellBytes } from '../../src/text/byte-alphabet.ts';
import { QWEN2 } from '../../src/text/pre-tokenizer.ts';
import { createTokenizer, type Tokenizer, type TokenizerParts } from '../../src/text/tokenizer.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';

export const CONTROL_TOKENS = [
  '<|endoftext|>',
  '<|im_start|>',
  '<|im_end|>',
  '<|userprompt|>',
  '<|endofuserprompt|>',
  '<|response|>',
  '<|endofresponse|>',
  '<|system|>',
  '<|endofsystem|>',
  '<|reject-unknown|>',
  '<|sec-cot|>',
  '<|sec-end-cot|>',
];

export const USER_DEFINED_TOKENS = ['<tool_call>', '<tool_call>\n'];

export interface FixtureVocabulary {
  readonly tokens: readonly string[];
  /** GGUF's numbers. */
  readonly tokenTypes: readonly number[];
  readonly merges: readonly string[];
}

const MERGES = new URL('../golden/tokenizer/merges.txt.gz', import.meta.url);

export function fixtureVocabulary(file: URL | string = MERGES): FixtureVocabulary {
  const merges = gunzipSync(readFileSync(file)).toString('utf8').trimEnd().split('\n');
  const texts = new Set([
    ...spellBytes(BYTES_IN_TOKEN_ORDER),
    ...merges.map((merge) => merge.replace(' ', '')),
  ]);
  const tokens = [...texts, ...CONTROL_TOKENS, ...USER_DEFINED_TOKENS];
  const tokenTypes = tokens.map((_, id) =>
    id < texts.size ? 1 : id < texts.size + CONTROL_TOKENS.length ? 3 : 4,
  );
  return { tokens, tokenTypes, merges };
}

export function fixtureTokenizer(options: Partial<TokenizerParts> = {}): Tokenizer {
  const { tokens, tokenTypes, merges } = fixtureVocabulary();
  return createTokenizer({
    vocabulary: new Vocabulary(tokens, tokenTypes),
    merges,
    preTokenizer: QWEN2,
    special: { eos: [] },
    ...options,
  });
}
