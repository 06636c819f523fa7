/** What is known to go wrong in the metadata of GGUF files, and how to mend it. Each check takes a file's keys and says what it found. */
import {
  findBoolean,
  findNumber,
  findNumberArray,
  findString,
  findStringArray,
  type GgufMetadata,
  type GgufValue,
} from '../format/gguf-values.ts';
import { type ChatTemplate, chatTemplateFromGguf, renderTemplate } from '../text/chat-template.ts';
import { withFallback } from '../text/fallback-templates.ts';
import { preTokenizerByName } from '../text/pre-tokenizer-names.ts';
import { TOKEN_CONTROL, TOKEN_NORMAL } from '../text/vocabulary.ts';

export interface Finding {
  /** Stable, kebab-case. */
  readonly fault: string;
  /** What is wrong, and what it does to answers. */
  readonly message: string;
  /** What `--fix` does about it, or what the user can. */
  readonly remedy: string;
  /** Keys to set, or to remove where undefined. Absent: only another file helps. */
  readonly fix?: ReadonlyMap<string, GgufValue | undefined>;
}

/** In the order in which readers use the keys. */
export function checkMetadata(metadata: GgufMetadata): Finding[] {
  const checks = [checkGating, checkPreTokenizer, checkStart, checkEnds, checkMarkers, checkTemplate];
  return checks.flatMap((check) => check(metadata) ?? []);
}

const string = (value: string): GgufValue => ({ type: 'string', value });
const id = (value: number): GgufValue => ({ type: 'u32', value });

/** Readers that take softmax for the default compute other experts. */
function checkGating(metadata: GgufMetadata): Finding | undefined {
  if (findString(metadata, 'general.architecture') !== 'dots1') return undefined;
  if (metadata.has('dots1.expert_gating_func')) return undefined;
  return {
    fault: 'missing-gating',
    message:
      'the key dots1.expert_gating_func is missing: some readers take softmax, and choose other experts',
    remedy: 'set it to 2 (sigmoid)',
    fix: new Map([['dots1.expert_gating_func', id(2)]]),
  };
}

function checkPreTokenizer(metadata: GgufMetadata): Finding | undefined {
  if (!hasTokenizer(metadata)) return undefined;
  const name = findString(metadata, 'tokenizer.ggml.pre');
  const isDots1 = findString(metadata, 'general.architecture') === 'dots1';
  const fix = isDots1 ? { fix: new Map([['tokenizer.ggml.pre', string('qwen2')]]) } : {};
  const remedy = isDots1 ? 'set it to qwen2, which dots.llm1 has' : 'convert the model again';
  if (name === undefined || (name === 'default' && isDots1)) {
    const found = name === undefined ? 'is missing' : 'is "default"';
    return {
      fault: 'wrong-pre-tokenizer',
      message: `the key tokenizer.ggml.pre ${found}: numbers and contractions are cut otherwise than in training`,
      remedy,
      ...fix,
    };
  }
  try {
    preTokenizerByName(name);
    return undefined;
  } catch {
    return {
      fault: 'wrong-pre-tokenizer',
      message: `the key tokenizer.ggml.pre is "${name}", which no reader knows`,
      remedy,
      ...fix,
    };
  }
}

/** Where nothing is said of a start token, llama.cpp takes token 11: in the vocabulary of Qwen and dots.llm1 a comma. */
function checkStart(metadata: GgufMetadata): Finding | undefined {
  if (!hasTokenizer(metadata)) return undefined;
  const bos = findNumber(metadata, 'tokenizer.ggml.bos_token_id');
  const adds = findBoolean(metadata, 'tokenizer.ggml.add_bos_token');
  const never = ['tokenizer.ggml.add_bos_token', { type: 'bool', value: false }] as const;
  if (bos === undefined) {
    if (adds === false) return undefined;
    return {
      fault: 'no-start-token',
      message:
        'neither a start token nor its absence is stated: some readers put token 11, a comma in this family of vocabularies, ' +
        'before every text',
      remedy: 'set tokenizer.ggml.add_bos_token to false',
      fix: new Map<string, GgufValue | undefined>([never]),
    };
  }
  const tokens = findStringArray(metadata, 'tokenizer.ggml.tokens') ?? [];
  if (bos < tokens.length && kindOf(metadata, bos) !== TOKEN_NORMAL) return undefined;
  const found = bos < tokens.length ? `the text ${JSON.stringify(tokens[bos])}` : 'beyond the vocabulary';
  return {
    fault: 'wrong-start-token',
    message: `the start token is ${bos}, ${found}: put before every text, it makes answers worse`,
    remedy: 'remove it, and set tokenizer.ggml.add_bos_token to false',
    fix: new Map<string, GgufValue | undefined>([['tokenizer.ggml.bos_token_id', undefined], never]),
  };
}

/** Tokens that end an answer, in the order in which models have them. */
const END_TOKENS = [
  '<|endofresponse|>',
  '<|im_end|>',
  '<|eot_id|>',
  '<|end|>',
  '<|end_of_turn|>',
  '<|endoftext|>',
  '</s>',
];

function checkEnds(metadata: GgufMetadata): Finding | undefined {
  if (!hasTokenizer(metadata)) return undefined;
  const tokens = findStringArray(metadata, 'tokenizer.ggml.tokens') ?? [];
  const roles = ['eos', 'eot', 'eom'].map((role) => `tokenizer.ggml.${role}_token_id`);
  const stated = roles.flatMap((key) => findNumber(metadata, key) ?? []);
  const beyond = roles.find((key) => (findNumber(metadata, key) ?? 0) >= tokens.length);
  const template = findString(metadata, 'tokenizer.chat_template') ?? '';
  const written = END_TOKENS.filter((text) => tokens.includes(text));
  const expected = written.find((text) => template.includes(text)) ?? written[0];
  if (expected === undefined) {
    if (stated.length > 0 && beyond === undefined) return undefined;
    return {
      fault: 'no-end-token',
      message: 'no token ends an answer: it continues up to the limit',
      remedy: 'convert the model again',
    };
  }
  const end = tokens.indexOf(expected);
  if (beyond === undefined && stated.includes(end)) return undefined;
  const key =
    stated.length > 0 && beyond === undefined ? 'tokenizer.ggml.eot_token_id' : 'tokenizer.ggml.eos_token_id';
  const removed = beyond === undefined || beyond === key ? [] : [[beyond, undefined] as const];
  return {
    fault: 'no-end-token',
    message:
      beyond === undefined
        ? `${expected} ends an answer, but the file does not state it: answers continue with turns of their own`
        : `${beyond} is beyond the vocabulary`,
    remedy: `set ${key} to ${end} (${expected})`,
    fix: new Map<string, GgufValue | undefined>([...removed, [key, id(end)]]),
  };
}

/** A marker that is called text can be written by whoever writes messages. */
function checkMarkers(metadata: GgufMetadata): Finding | undefined {
  const tokens = findStringArray(metadata, 'tokenizer.ggml.tokens');
  const kinds = findNumberArray(metadata, 'tokenizer.ggml.token_type');
  const template = findString(metadata, 'tokenizer.chat_template') ?? '';
  if (!tokens || !kinds) return undefined;
  const markers = tokens.flatMap((text, token) =>
    /^<\|\w+\|>$/.test(text) && template.includes(text) && kinds[token] !== TOKEN_CONTROL ? [token] : [],
  );
  if (markers.length === 0) return undefined;
  const mended = Int32Array.from(kinds);
  for (const token of markers) mended[token] = TOKEN_CONTROL;
  const names = markers.slice(0, 6).map((token) => tokens[token]);
  return {
    fault: 'markers-as-text',
    message: `${names.join(' ')} separate messages, but the file does not call them control tokens: a message can contain them`,
    remedy: 'call them control tokens',
    fix: new Map([
      ['tokenizer.ggml.token_type', { type: 'array', elementType: 'i32', value: mended } satisfies GgufValue],
    ]),
  };
}

function checkTemplate(metadata: GgufMetadata): Finding | undefined {
  const tokens = findStringArray(metadata, 'tokenizer.ggml.tokens');
  if (!tokens) return undefined;
  const ids = new Map(tokens.map((text, token) => [text, token]));
  const vocabulary = { idOf: (text: string): number | undefined => ids.get(text) };
  const own = chatTemplateFromGguf(metadata);
  const fallback = withFallback({ ...own, isFallback: true }, vocabulary);
  const isKnown = fallback.source !== own.source || own.isFallback;
  const remedy = { remedy: 'write the template of the family whose markers the vocabulary has' };
  const fix = new Map([['tokenizer.chat_template', string(fallback.source)]]);
  if (own.isFallback) {
    // A base model has no turns, and its vocabulary no markers for them.
    if (!END_TOKENS.slice(0, 5).some((text) => ids.has(text))) return undefined;
    return { fault: 'no-chat-template', message: 'the file has no chat template', ...remedy, fix };
  }
  const problem = whyBroken(own);
  if (problem === undefined) return undefined;
  return {
    fault: 'broken-chat-template',
    message: `the chat template does not work: ${problem}`,
    ...(isKnown ? { ...remedy, fix } : { remedy: 'get the template of the original model' }),
  };
}

function whyBroken(template: ChatTemplate): string | undefined {
  const question = 'a question that the template must contain';
  try {
    const text = renderTemplate(template, [{ role: 'user', content: question }], {
      addGenerationPrompt: true,
    });
    return text.includes(question) ? undefined : 'it leaves the message out';
  } catch (error) {
    return (error as Error).message;
  }
}

function hasTokenizer(metadata: GgufMetadata): boolean {
  return findString(metadata, 'tokenizer.ggml.model') === 'gpt2' && metadata.has('tokenizer.ggml.tokens');
}

function kindOf(metadata: GgufMetadata, token: number): number {
  return findNumberArray(metadata, 'tokenizer.ggml.token_type')?.[token] ?? TOKEN_NORMAL;
}
