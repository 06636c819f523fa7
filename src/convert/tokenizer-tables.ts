/** A tokenizer as both formats can hold it, read from one and written to the other. No text is encoded here. */
import { FormatError, UnsupportedError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import {
  findBoolean,
  findNumber,
  findNumberArray,
  findString,
  findStringArray,
  type GgufMetadata,
  type GgufValue,
} from '../format/gguf-values.ts';
import type { HfFiles, JsonObject } from '../format/hf-folder.ts';

// As GGUF numbers them.
const NORMAL = 1;
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;

export interface TokenizerTables {
  /** By id: normal tokens in the byte alphabet, added ones as they are; filled up to the rows of the embedding. */
  readonly tokens: readonly string[];
  readonly kinds: Int32Array;
  /** `left right`, in order of priority. */
  readonly merges: readonly string[];
  /** How text is cut before merging, by the name that GGUF uses. */
  readonly pre: string;
  /** The model's own end token first. */
  readonly eos: readonly number[];
  readonly bos: number | undefined;
  readonly addBos: boolean;
  readonly pad: number | undefined;
}

// End tokens that every model of the family knows. With its own alone an instruct model runs past its turn.
const END_TEXTS = ['<|endofresponse|>', '<|endoftext|>'];

function letterPattern(number: string): string {
  return (
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|${number}` +
    String.raw`| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
  );
}

const QWEN2_PATTERN = letterPattern(String.raw`\p{N}`);
const LLAMA3_PATTERN = letterPattern(String.raw`\p{N}{1,3}`);

/** Undefined for a folder without a tokenizer. Throws `UnsupportedError` for kinds that GGUF has no name for. */
export function tokenizerFromHf(
  files: HfFiles,
  vocabSize: number,
  origin: string,
): TokenizerTables | undefined {
  const { tokenizerJson: json, tokenizerConfig = {}, generationConfig = {}, config } = files;
  if (!json) return undefined;
  const model = json.model as JsonObject | undefined;
  if (model?.type !== 'BPE' || typeof model.vocab !== 'object' || model.vocab === null)
    throw unsupported(origin, `a tokenizer of kind ${JSON.stringify(model?.type ?? null)}`);

  const tokens = Array.from({ length: vocabSize }, (_, id) => `[PAD${id}]`);
  const kinds = new Int32Array(vocabSize).fill(UNUSED);
  const ids = new Map<string, number>();
  const place = (text: string, id: unknown, kind: number): void => {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= vocabSize)
      throw outside(origin, text, id, vocabSize);
    tokens[id] = text;
    kinds[id] = kind;
    ids.set(text, id);
  };
  for (const [text, id] of Object.entries(model.vocab)) place(text, id, NORMAL);
  for (const token of asArray(json.added_tokens) as JsonObject[])
    place(String(token.content), token.id, token.special === true ? CONTROL : USER_DEFINED);

  const byText = (value: unknown): number | undefined => ids.get(contentOf(value) ?? '');
  const ownEos = [config.eos_token_id, generationConfig.eos_token_id].flatMap(idsOf);
  const bos = idsOf(config.bos_token_id)[0] ?? byText(tokenizerConfig.bos_token);
  return {
    tokens,
    kinds,
    merges: asArray(model.merges).map((merge) => (Array.isArray(merge) ? merge.join(' ') : String(merge))),
    pre: preOf(json, origin),
    eos: unique([...ownEos, byText(tokenizerConfig.eos_token)]).filter((id) => id < vocabSize),
    bos,
    addBos: tokenizerConfig.add_bos_token === true && bos !== undefined,
    pad: idsOf(config.pad_token_id)[0] ?? byText(tokenizerConfig.pad_token),
  };
}

/** Undefined for a file without a tokenizer. Throws `UnsupportedError` for other kinds than byte-level BPE. */
export function tokenizerFromGguf(metadata: GgufMetadata): TokenizerTables | undefined {
  const tokens = findStringArray(metadata, 'tokenizer.ggml.tokens');
  const model = findString(metadata, 'tokenizer.ggml.model');
  if (!tokens || model === 'none' || model === 'no_vocab') return undefined;
  if (model !== 'gpt2') throw unsupported('the file', `a tokenizer of kind "${model}"`);
  const kinds = findNumberArray(metadata, 'tokenizer.ggml.token_type');
  const declared = ['eos', 'eot', 'eom'].map((role) =>
    findNumber(metadata, `tokenizer.ggml.${role}_token_id`),
  );
  return {
    tokens,
    kinds: kinds ? Int32Array.from(kinds) : new Int32Array(tokens.length).fill(NORMAL),
    merges: findStringArray(metadata, 'tokenizer.ggml.merges') ?? [],
    pre: findString(metadata, 'tokenizer.ggml.pre') ?? 'qwen2',
    eos: unique([...declared, ...END_TEXTS.map((text) => tokens.indexOf(text))]).filter(
      (id) => id >= 0 && id < tokens.length,
    ),
    bos: findNumber(metadata, 'tokenizer.ggml.bos_token_id'),
    addBos: findBoolean(metadata, 'tokenizer.ggml.add_bos_token') ?? false,
    pad: findNumber(metadata, 'tokenizer.ggml.padding_token_id'),
  };
}

/** The `tokenizer.ggml.*` keys. */
export function tokenizerMetadata(tables: TokenizerTables): [string, GgufValue][] {
  const id = (value: number): GgufValue => ({ type: 'u32', value });
  const strings = (value: readonly string[]): GgufValue => ({ type: 'array', elementType: 'string', value });
  const entries: [string, GgufValue][] = [
    ['model', { type: 'string', value: 'gpt2' }],
    ['pre', { type: 'string', value: tables.pre }],
    ['tokens', strings(tables.tokens)],
    ['token_type', { type: 'array', elementType: 'i32', value: tables.kinds }],
    ['merges', strings(tables.merges)],
  ];
  // GGUF has one end token and two more roles that also end a generation.
  for (const [i, role] of ['eos', 'eot', 'eom'].entries())
    if (tables.eos[i] !== undefined) entries.push([`${role}_token_id`, id(tables.eos[i])]);
  if (tables.bos !== undefined) entries.push(['bos_token_id', id(tables.bos)]);
  if (tables.pad !== undefined) entries.push(['padding_token_id', id(tables.pad)]);
  // Said in any case: where nothing is said, some readers put token 11, a comma, before every text.
  entries.push(['add_bos_token', { type: 'bool', value: tables.addBos }]);
  return entries.map(([key, value]) => [`tokenizer.ggml.${key}`, value]);
}

/** The `tokenizer.json` of the same vocabulary. Unused ids have no token there. */
export function tokenizerToJson(tables: TokenizerTables): JsonObject {
  const { tokens, kinds } = tables;
  const idsOfKind = (...wanted: number[]): number[] =>
    Array.from(tokens.keys()).filter((id) => wanted.includes(kinds[id]));
  const added = idsOfKind(CONTROL, USER_DEFINED);
  const normal = Array.from(tokens.keys()).filter((id) => kinds[id] !== UNUSED && !added.includes(id));
  // Readers number added tokens onwards from the vocabulary's end; where that would give others, the vocabulary has to
  // name them too.
  const isContiguous = added.every((id, i) => id === normal.length + i);
  const vocab = Object.fromEntries(
    (isContiguous ? normal : idsOfKindNot(kinds, UNUSED)).map((id) => [tokens[id], id]),
  );
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added.map((id) => ({
      id,
      content: tokens[id],
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: kinds[id] === CONTROL,
    })),
    normalizer: { type: 'NFC' },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: patternOf(tables.pre) }, behavior: 'Isolated', invert: false },
        byteLevel,
      ],
    },
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: tables.pre === 'llama-bpe',
      vocab,
      merges: tables.merges.map((merge) => merge.split(' ')),
    },
  };
}

/** `tokenizer_config.json` */
export function tokenizerToConfig(
  tables: TokenizerTables,
  contextLength: number,
  chatTemplate: string | undefined,
): JsonObject {
  const text = (id: number | undefined): string | null =>
    id === undefined ? null : (tables.tokens[id] ?? null);
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: text(tables.bos),
    eos_token: text(tables.eos[0]),
    pad_token: text(tables.pad),
    add_bos_token: tables.addBos,
    clean_up_tokenization_spaces: false,
    model_max_length: contextLength,
    ...(chatTemplate !== undefined && { chat_template: chatTemplate }),
  };
}

function idsOfKindNot(kinds: Int32Array, unwanted: number): number[] {
  return Array.from(kinds.keys()).filter((id) => kinds[id] !== unwanted);
}

/** GGUF names a pattern, `tokenizer.json` spells it out. */
function preOf(json: JsonObject, origin: string): string {
  const outer = json.pre_tokenizer as JsonObject | null | undefined;
  const steps = (
    outer?.type === 'Sequence' ? asArray(outer.pretokenizers) : [outer]
  ) as (JsonObject | null)[];
  const split = steps.find((step) => step?.type === 'Split');
  const pattern = (split?.pattern as JsonObject | undefined)?.Regex;
  if (pattern === QWEN2_PATTERN) return 'qwen2';
  if (pattern === LLAMA3_PATTERN) return 'llama-bpe';
  const byteLevel = steps.find((step) => step?.type === 'ByteLevel');
  if (!split && byteLevel && byteLevel.use_regex !== false) return 'gpt-2';
  throw unsupported(origin, `a tokenizer that cuts text by ${JSON.stringify(pattern ?? outer ?? null)}`);
}

function patternOf(pre: string): string {
  switch (pre) {
    case 'llama-bpe':
    case 'llama3':
    case 'llama-v3':
      return LLAMA3_PATTERN;
    case 'gpt-2':
    case 'gpt2':
      return String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
    default:
      return QWEN2_PATTERN;
  }
}

/** Special tokens are given as their text or as an object around it. */
function contentOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const content = (value as JsonObject | null | undefined)?.content;
  return typeof content === 'string' ? content : undefined;
}

function idsOf(value: unknown): number[] {
  return (Array.isArray(value) ? value : [value]).filter((id) => Number.isInteger(id) && id >= 0) as number[];
}

function unique(ids: readonly (number | undefined)[]): number[] {
  return [...new Set(ids.filter((id) => id !== undefined))];
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function unsupported(origin: string, what: string): UnsupportedError {
  return new UnsupportedError(
    `Cannot convert ${origin}: it has ${what}, which the other format has no name for`,
    {
      code: 'unsupported-tokenizer',
      hint: 'models of this family have byte-level BPE with the pre-tokenizer of Qwen2',
    },
  );
}

function outside(origin: string, text: string, id: unknown, vocabSize: number): FormatError {
  return new FormatError(
    `Cannot convert ${origin}: tokenizer.json gives ${JSON.stringify(text)} the id ${String(id)}, ` +
      `but the embedding has ${formatCount(vocabSize)} rows`,
    {
      code: 'bad-vocabulary',
      hint: 'tokenizer and weights belong to different models',
      expected: `an id below ${formatCount(vocabSize)}`,
      found: String(id),
    },
  );
}
