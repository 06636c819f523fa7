/** The `tokenizer.ggml.*` keys of a tokenizer. */
import { FormatError, UnsupportedError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { GgufValue } from '../format/gguf-values.ts';
import type { SpelledMerge } from '../text/merge-table.ts';
import { preTokenizerName } from '../text/pre-tokenizer-names.ts';
import type { TokenizerSource } from '../text/tokenizer.ts';
import { NORMALIZER_KEY } from '../text/tokenizer-gguf.ts';
import { TOKEN_UNUSED } from '../text/vocabulary.ts';

/**
 * One token for each of the `vocabSize` rows of the embedding. Throws `UnsupportedError` for a way of cutting text that GGUF
 * has no name for, `FormatError` for more tokens than rows.
 */
export function tokenizerMetadata(
  source: TokenizerSource,
  vocabSize: number,
  origin: string,
): [string, GgufValue][] {
  const { vocabulary, merges, declared, preTokenizer, ignoreMerges = false, prefixSpace = false } = source;
  if (vocabulary.size > vocabSize) throw tooManyTokens(vocabulary.size, vocabSize, origin);
  const tokens = Array.from({ length: vocabSize }, (_, id) => vocabulary.texts[id] ?? `[PAD${id}]`);
  const kinds = Int32Array.from(tokens, (_, id) =>
    id < vocabulary.size ? vocabulary.kindOf(id) : TOKEN_UNUSED,
  );
  const pre = preTokenizerName(preTokenizer.steps, ignoreMerges, source.jsonNormalizer);
  if (pre === undefined) throw noName(source, origin);
  refuseRules(source, origin);

  const id = (value: number): GgufValue => ({ type: 'u32', value });
  const strings = (value: readonly string[]): GgufValue => ({ type: 'array', elementType: 'string', value });
  const entries: [string, GgufValue][] = [
    ['model', { type: 'string', value: 'gpt2' }],
    ['pre', { type: 'string', value: pre }],
    ['tokens', strings(tokens)],
    ['token_type', { type: 'array', elementType: 'i32', value: kinds }],
    ['merges', strings(merges.map(spellMerge))],
  ];
  // GGUF has one end token and two more roles that also end a generation.
  const ends = [...new Set(declared.eos)];
  for (const [i, role] of ['eos', 'eot', 'eom'].entries())
    if (ends[i] !== undefined) entries.push([`${role}_token_id`, id(ends[i])]);
  if (declared.bos !== undefined) entries.push(['bos_token_id', id(declared.bos)]);
  if (declared.pad !== undefined) entries.push(['padding_token_id', id(declared.pad)]);
  // Said in any case: where nothing is said, some readers put token 11, a comma, before every text.
  entries.push(['add_bos_token', { type: 'bool', value: declared.addBos ?? false }]);
  if (prefixSpace) entries.push(['add_space_prefix', { type: 'bool', value: true }]);
  return [
    ...entries.map(([key, value]): [string, GgufValue] => [`tokenizer.ggml.${key}`, value]),
    [NORMALIZER_KEY, { type: 'string', value: source.jsonNormalizer ?? 'none' }],
  ];
}

function spellMerge(merge: SpelledMerge): string {
  return typeof merge === 'string' ? merge : merge.join(' ');
}

function noName({ preTokenizer, ignoreMerges }: TokenizerSource, origin: string): UnsupportedError {
  const patterns = preTokenizer.steps.map(({ pattern }) => JSON.stringify(pattern)).join(', then ');
  return new UnsupportedError(
    `Cannot convert ${origin} to GGUF: its tokenizer cuts text by ${patterns || 'nothing'}` +
      `${ignoreMerges ? ' and takes whole pieces that are tokens' : ''}, which GGUF has no name for`,
    { code: 'unsupported-tokenizer', hint: 'use the folder as it is; dots.ts reads its tokenizer.json' },
  );
}

/** `normalized` is kept by chance: where nothing is normalised it makes no difference. */
function refuseRules({ addedRules, vocabulary }: TokenizerSource, origin: string): void {
  for (const [id, { lstrip, rstrip, singleWord }] of addedRules ?? []) {
    if (!lstrip && !rstrip && !singleWord) continue;
    throw new UnsupportedError(
      `Cannot convert ${origin} to GGUF: the token ${vocabulary.texts[id]} takes the white space next to it or ` +
        'must be a word of its own, which GGUF has no key for',
      { code: 'unsupported-tokenizer', hint: 'use the folder as it is; dots.ts reads its tokenizer.json' },
    );
  }
}

function tooManyTokens(numTokens: number, vocabSize: number, origin: string): FormatError {
  return new FormatError(
    `Cannot convert ${origin}: its tokenizer has ${formatCount(numTokens)} tokens, ` +
      `but the embedding has ${formatCount(vocabSize)} rows`,
    {
      code: 'bad-vocabulary',
      hint: 'tokenizer and weights belong to different models',
      expected: `at most ${formatCount(vocabSize)} tokens`,
      found: formatCount(numTokens),
    },
  );
}
