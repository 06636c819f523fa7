/** The tokenizer of a Hugging Face folder: `tokenizer.json`, with the end tokens its neighbours name. */
import { FormatError, UnsupportedError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { SpelledMerge } from './merge-table.ts';
import { gpt2PreTokenizer, type PreTokenizer, preTokenizerFromPattern } from './pre-tokenizer.ts';
import { resolveSpecialTokens } from './special-tokens.ts';
import { createTokenizer, type Tokenizer, type TokenizerOptions } from './tokenizer.ts';
import { TOKEN_CONTROL, TOKEN_NORMAL, TOKEN_UNUSED, TOKEN_USER_DEFINED, Vocabulary } from './vocabulary.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** Parsed JSON files of one model folder. */
export interface HfTokenizerFiles {
  readonly tokenizerJson: JsonObject;
  readonly tokenizerConfig?: JsonObject | undefined;
  readonly generationConfig?: JsonObject | undefined;
  readonly config?: JsonObject | undefined;
}

/**
 * Ids come from `tokenizer.json` alone: `tokenizer_config.json` of the first release labelled one of them wrongly. Ids up
 * to the configuration's `vocab_size` that have no token are unused padding. Throws `UnsupportedError` for parts whose
 * effect we don't reproduce, `FormatError` for tables that don't fit each other.
 */
export function tokenizerFromJson(files: HfTokenizerFiles, options: TokenizerOptions = {}): Tokenizer {
  const { tokenizerJson } = files;
  const model = asObject(tokenizerJson.model, 'model');
  if ((model.type ?? 'BPE') !== 'BPE') throw unsupported(`a ${String(model.type)} model`);
  for (const key of ['continuing_subword_prefix', 'end_of_word_suffix', 'dropout']) {
    if (model[key]) throw unsupported(`${key} ${JSON.stringify(model[key])}`);
  }
  if (tokenizerJson.decoder && typeOf(tokenizerJson.decoder) !== 'ByteLevel') {
    throw unsupported(`the decoder ${typeOf(tokenizerJson.decoder)}`);
  }
  const added = readAddedTokens(tokenizerJson.added_tokens);
  const vocabulary = readVocabulary(asObject(model.vocab, 'model.vocab'), added, files.config?.vocab_size);
  const normalizer = readNormalizer(tokenizerJson.normalizer);
  const configured = files.tokenizerConfig ?? {};
  warnOfOtherTexts(configured.added_tokens_decoder, vocabulary, options);
  return createTokenizer({
    vocabulary,
    merges: readMergeList(model.merges),
    preTokenizer: readPreTokenizer(tokenizerJson.pre_tokenizer),
    ...(normalizer && { normalizer }),
    normalizedTokens: new Set(added.filter((token) => token.normalized).map((token) => token.id)),
    ignoreMerges: model.ignore_merges === true,
    special: resolveSpecialTokens(
      {
        ...readStartToken(tokenizerJson.post_processor, vocabulary, configured),
        eos: [
          ...asIds(files.generationConfig?.eos_token_id),
          ...asIds(files.config?.eos_token_id),
          vocabulary.ids.get(tokenText(configured.eos_token) ?? ''),
        ],
        pad: vocabulary.ids.get(tokenText(configured.pad_token) ?? ''),
      },
      vocabulary,
    ),
  });
}

/** A token of `tokenizer_config.json`: its text, or an object that has it. */
export function tokenText(token: unknown): string | undefined {
  if (typeof token === 'string') return token;
  const content = isObject(token) ? token.content : undefined;
  return typeof content === 'string' ? content : undefined;
}

interface JsonAddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly normalized: boolean;
}

function readAddedTokens(value: unknown): JsonAddedToken[] {
  if (value === undefined || value === null) return [];
  return asArray(value, 'added_tokens').map((entry, index) => {
    const token = asObject(entry, `added_tokens[${index}]`);
    const { id, content } = token;
    if (typeof id !== 'number' || typeof content !== 'string' || content === '') {
      throw malformed(`added_tokens[${index}]`, 'an id and a text', JSON.stringify(entry));
    }
    // Rare, and never in this family: they would change which spaces belong to the text around a token.
    for (const flag of ['lstrip', 'rstrip', 'single_word']) {
      if (token[flag] === true) throw unsupported(`${flag} of the token ${content}`);
    }
    return { id, content, special: token.special === true, normalized: token.normalized === true };
  });
}

function readVocabulary(
  vocab: JsonObject,
  added: readonly JsonAddedToken[],
  paddedSize: unknown,
): Vocabulary {
  const entries = Object.entries(vocab);
  const padded = typeof paddedSize === 'number' ? paddedSize : 0;
  // Ids may have holes, but a few bytes of JSON must not make us allocate gigabytes.
  const limit = 2 * (entries.length + added.length) + 65_536;
  let size = 0;
  for (const id of [padded - 1, ...entries.map(([, id]) => id), ...added.map((token) => token.id)]) {
    if (!Number.isInteger(id) || (id as number) < -1 || (id as number) >= limit) {
      throw malformed('the vocabulary', `ids below ${formatCount(limit)}`, String(id));
    }
    size = Math.max(size, (id as number) + 1);
  }
  const texts = new Array<string>(size);
  const kinds = new Uint8Array(size).fill(TOKEN_UNUSED);
  for (const [text, id] of entries as [string, number][]) {
    if (kinds[id] !== TOKEN_UNUSED) {
      throw malformed(
        'the vocabulary',
        'one text for each id',
        `"${texts[id]}" and "${text}" for id ${formatCount(id)}`,
      );
    }
    texts[id] = text;
    kinds[id] = TOKEN_NORMAL;
  }
  for (const { id, content, special } of added) {
    texts[id] = content;
    kinds[id] = special ? TOKEN_CONTROL : TOKEN_USER_DEFINED;
  }
  // The names that GGUF converters give to padding.
  for (let id = 0; id < size; id++) texts[id] ??= `[PAD${id}]`;
  return new Vocabulary(texts, kinds);
}

function readMergeList(value: unknown): readonly SpelledMerge[] {
  return asArray(value, 'model.merges').map((merge, index) => {
    if (typeof merge === 'string') return merge;
    if (Array.isArray(merge) && merge.length === 2 && merge.every((half) => typeof half === 'string')) {
      return merge as [string, string];
    }
    throw malformed(`model.merges[${index}]`, '"a b" or ["a", "b"]', JSON.stringify(merge));
  });
}

function readNormalizer(value: unknown): 'nfc' | undefined {
  for (const normalizer of flatten(value, 'normalizers')) {
    if (typeOf(normalizer) !== 'NFC') throw unsupported(`the normalizer ${typeOf(normalizer)}`);
    return 'nfc';
  }
  return undefined;
}

function readPreTokenizer(value: unknown): PreTokenizer {
  let result: PreTokenizer | undefined;
  let byteLevel = false;
  for (const step of flatten(value, 'pretokenizers')) {
    if (step.type === 'Split' && !result && !byteLevel) {
      const pattern = isObject(step.pattern) ? step.pattern.Regex : undefined;
      if (typeof pattern !== 'string' || step.behavior !== 'Isolated' || step.invert === true) {
        throw unsupported(`the pre-tokenizer ${JSON.stringify(step)}`);
      }
      result = preTokenizerFromPattern(pattern);
    } else if (step.type === 'ByteLevel' && !byteLevel) {
      byteLevel = true;
      if (step.add_prefix_space === true) throw unsupported('a prefix space');
      if (step.use_regex !== false) {
        if (result) throw unsupported('two pre-tokenizers that both cut');
        result = gpt2PreTokenizer();
      }
    } else throw unsupported(`the pre-tokenizer ${JSON.stringify(step)}`);
  }
  if (!result || !byteLevel) throw unsupported('a pre-tokenizer without ByteLevel');
  return result;
}

/** The configuration's list of added tokens is a hint only; where it contradicts the tokenizer someone should know. */
function warnOfOtherTexts(decoder: unknown, vocabulary: Vocabulary, options: TokenizerOptions): void {
  if (!isObject(decoder)) return;
  for (const [id, token] of Object.entries(decoder)) {
    const text = tokenText(token);
    const own = vocabulary.texts[Number(id)];
    if (text === undefined || text === own) continue;
    options.onWarning?.(
      `tokenizer_config.json calls token ${id} "${text}"; using "${own}" of tokenizer.json`,
    );
  }
}

/** A start token comes from a template post-processor, or from `add_bos_token` with a token to add. */
function readStartToken(
  postProcessor: unknown,
  vocabulary: Vocabulary,
  tokenizerConfig: JsonObject,
): { bos?: number | undefined; addBos: boolean } {
  for (const step of flatten(postProcessor, 'processors')) {
    if (step.type === 'ByteLevel') continue;
    if (step.type !== 'TemplateProcessing') throw unsupported(`the post-processor ${typeOf(step)}`);
    const [first, ...rest] = asArray(step.single, 'post_processor.single');
    const token = isObject(first) && isObject(first.SpecialToken) ? first.SpecialToken.id : undefined;
    const text = token === undefined ? [first, ...rest] : rest;
    if (text.length !== 1 || !isObject(text[0]) || !text[0].Sequence)
      throw unsupported('an end token after the text');
    if (typeof token === 'string') return { bos: vocabulary.ids.get(token), addBos: true };
  }
  return {
    bos: vocabulary.ids.get(tokenText(tokenizerConfig.bos_token) ?? ''),
    addBos: tokenizerConfig.add_bos_token === true,
  };
}

/** One id, a list of ids, or nothing. */
function asIds(value: unknown): (number | undefined)[] {
  return (Array.isArray(value) ? value : [value]).filter((id): id is number => typeof id === 'number');
}

/** A part of `tokenizer.json`, or the parts of a `Sequence`. */
function flatten(value: unknown, members: string): JsonObject[] {
  if (value === undefined || value === null) return [];
  const step = asObject(value, members);
  if (step.type !== 'Sequence') return [step];
  return asArray(step[members], members).flatMap((member) => flatten(member, members));
}

function typeOf(value: unknown): string {
  return isObject(value) ? String(value.type) : typeof value;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asObject(value: unknown, where: string): JsonObject {
  if (isObject(value)) return value;
  throw malformed(where, 'an object', value === undefined ? 'nothing' : typeof value);
}

function asArray(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw malformed(where, 'a list', value === undefined ? 'nothing' : typeof value);
}

function malformed(where: string, expected: string, found: string): FormatError {
  return new FormatError(`Cannot read ${where} in tokenizer.json: expected ${expected}, found ${found}`, {
    code: 'bad-tokenizer-json',
    hint: 'take the file from the model again',
    expected,
    found,
  });
}

function unsupported(what: string): UnsupportedError {
  return new UnsupportedError(`Cannot use tokenizer.json: it has ${what}`, {
    code: 'unsupported-tokenizer',
    hint: 'byte-level BPE tokenizers of the GPT-2, Llama 3 and Qwen2 families are supported',
  });
}
