/** The tokenizer of a Hugging Face folder: `tokenizer.json`, with the end tokens its neighbours name. */
import { formatCount } from '../core/units.ts';
import type { JsonObject } from '../format/hf-folder.ts';
import type { AddedTokenRules } from './added-tokens.ts';
import type { SpelledMerge } from './merge-table.ts';
import { createPreTokenizer } from './pre-tokenizer.ts';
import { readPreTokenizer } from './pre-tokenizer-json.ts';
import { type DeclaredTokens, resolveSpecialTokens } from './special-tokens.ts';
import { createTokenizer, type Tokenizer, type TokenizerOptions, type TokenizerSource } from './tokenizer.ts';
import {
  asArray,
  asObject,
  flatten,
  isObject,
  malformed,
  typeOf,
  unsupported,
} from './tokenizer-json-parts.ts';
import { TOKEN_CONTROL, TOKEN_NORMAL, TOKEN_UNUSED, TOKEN_USER_DEFINED, Vocabulary } from './vocabulary.ts';

/** Parsed JSON files of one model folder. */
export interface HfTokenizerFiles {
  readonly tokenizerJson: JsonObject;
  readonly tokenizerConfig?: JsonObject | undefined;
  readonly generationConfig?: JsonObject | undefined;
  readonly config?: JsonObject | undefined;
}

/** As `readJsonTokenizer`, made. */
export function tokenizerFromJson(files: HfTokenizerFiles, options: TokenizerOptions = {}): Tokenizer {
  return createTokenizer(readJsonTokenizer(files, options));
}

/**
 * Ids come from `tokenizer.json` alone: `tokenizer_config.json` of the first release labelled one of them wrongly. Ids up
 * to the configuration's `vocab_size` that have no token are unused padding. Throws `UnsupportedError` for parts whose
 * effect we don't reproduce, `FormatError` for tables that don't fit each other.
 */
export function readJsonTokenizer(files: HfTokenizerFiles, options: TokenizerOptions = {}): TokenizerSource {
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
  const { steps, prefixSpace } = readPreTokenizer(tokenizerJson.pre_tokenizer);
  const declared = readDeclared(files, vocabulary);
  return {
    vocabulary,
    merges: readMergeList(model.merges),
    preTokenizer: createPreTokenizer(steps),
    prefixSpace,
    ...(normalizer && { normalizer }),
    addedRules: new Map(added.flatMap(({ id, rules }) => (rules ? [[id, rules]] : []))),
    ignoreMerges: model.ignore_merges === true,
    jsonNormalizer: normalizer,
    declared,
    special: resolveSpecialTokens(declared, vocabulary),
  };
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
  readonly rules: AddedTokenRules | undefined;
}

function readAddedTokens(value: unknown): JsonAddedToken[] {
  if (value === undefined || value === null) return [];
  return asArray(value, 'added_tokens').map((entry, index) => {
    const token = asObject(entry, `added_tokens[${index}]`);
    const { id, content } = token;
    if (typeof id !== 'number' || typeof content !== 'string' || content === '') {
      throw malformed(`added_tokens[${index}]`, 'an id and a text', JSON.stringify(entry));
    }
    return { id, content, special: token.special === true, rules: readRules(token) };
  });
}

function readRules(token: JsonObject): AddedTokenRules | undefined {
  const rules: AddedTokenRules = {
    ...(token.lstrip === true && { lstrip: true }),
    ...(token.rstrip === true && { rstrip: true }),
    ...(token.single_word === true && { singleWord: true }),
    ...(token.normalized === true && { normalized: true }),
  };
  return Object.keys(rules).length > 0 ? rules : undefined;
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

function readDeclared(files: HfTokenizerFiles, vocabulary: Vocabulary): DeclaredTokens {
  const { tokenizerConfig = {}, generationConfig, config } = files;
  const byText = (token: unknown): number | undefined => vocabulary.ids.get(tokenText(token) ?? '');
  const eos = [
    byText(tokenizerConfig.eos_token),
    ...asIds(config?.eos_token_id),
    ...asIds(generationConfig?.eos_token_id),
  ];
  const bos = byText(tokenizerConfig.bos_token);
  return {
    bos: bos ?? asIds(config?.bos_token_id)[0],
    addBos: tokenizerConfig.add_bos_token === true && bos !== undefined,
    // A start token that a template post-processor adds is the one, whatever the neighbours say.
    ...readStartToken(files.tokenizerJson.post_processor, vocabulary),
    eos: eos.filter((id) => id !== undefined),
    pad: byText(tokenizerConfig.pad_token) ?? asIds(config?.pad_token_id)[0],
  };
}

function readStartToken(
  postProcessor: unknown,
  vocabulary: Vocabulary,
): Pick<DeclaredTokens, 'bos' | 'addBos'> | undefined {
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
  return undefined;
}

/** One id, a list of ids, or nothing; negative ones are nothing. */
function asIds(value: unknown): number[] {
  return (Array.isArray(value) ? value : [value]).filter((id) => Number.isInteger(id) && id >= 0) as number[];
}
