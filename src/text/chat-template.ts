/** Chat templates: messages -> the text a model was trained on. A model's own template is Jinja. */
import { Environment, parse, tokenize } from '@huggingface/jinja';
import { DotsError, FormatError, UsageError } from '../core/errors.ts';
import {
  findNumber,
  findNumberArray,
  findString,
  findStringArray,
  type GgufMetadata,
} from '../format/gguf-values.ts';
import type { JsonObject } from '../format/hf-folder.ts';
import { PythonInterpreter, preparePrinting } from './jinja/python-interpreter.ts';
import { strftime } from './strftime.ts';
import { findTemplateFault } from './template-fault.ts';
import { limited, range } from './template-limits.ts';
import { tokenText } from './tokenizer-json.ts';
import { isBracketed, TOKEN_CONTROL } from './vocabulary.ts';

export interface ChatMessage {
  /** A word: `system`, `user`, `assistant`. */
  readonly role: string;
  readonly content: string;
  /** Whatever else a template knows of. */
  readonly [field: string]: unknown;
}

export interface ChatTemplate {
  /** Jinja text. */
  readonly source: string;
  /** Nothing in the file: this is the form of dots.llm1, or that of the vocabulary's family (`withFallback`). */
  readonly isFallback: boolean;
  /** Texts of the start, end and padding token, for templates that write them. */
  readonly tokens: { readonly [variable: string]: string };
}

export interface TemplateOptions {
  /** End with what opens the assistant's turn. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** The time for `strftime_now`. */
  readonly now?: Date;
  /** More that a template may ask for; none of the names that it has already. */
  readonly variables?: Readonly<Record<string, TemplateValue>>;
  /** For templates that describe tools to the model themselves; in Hugging Face's form. */
  readonly tools?: readonly object[] | null;
}

/** Numbers, booleans and plain strings: nothing that could contain a marker of the template. */
export type TemplateValue = boolean | number | string | null;

/** No spaces, no trimming, any order of roles; whatever is neither system nor user is the model. */
const DOTS1_TEMPLATE =
  "{% for message in messages %}{% if message['role'] == 'system' %}{{ '<|system|>' + message['content'] + '<|endofsystem|>' }}" +
  "{% elif message['role'] == 'user' %}{{ '<|userprompt|>' + message['content'] + '<|endofuserprompt|>' }}" +
  "{% else %}{{ '<|response|>' + message['content'] + '<|endofresponse|>' }}{% endif %}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|response|>' }}{% endif %}";

export const FALLBACK_TEMPLATE: ChatTemplate = { source: DOTS1_TEMPLATE, isFallback: true, tokens: {} };

/** The template of a GGUF file: the one called `name`, or the fallback if the file has none at all. */
export function chatTemplateFromGguf(metadata: GgufMetadata, name = 'default'): ChatTemplate {
  const named = new Map<string, string>();
  for (const key of metadata.keys()) {
    const match = /^tokenizer\.chat_template(?:\.(.+))?$/.exec(key);
    if (match) named.set(match[1] ?? 'default', findString(metadata, key) as string);
  }
  const texts = findStringArray(metadata, 'tokenizer.ggml.tokens');
  const kinds = findNumberArray(metadata, 'tokenizer.ggml.token_type');
  const tokens: Record<string, string> = {};
  for (const role of ['bos', 'eos', 'padding']) {
    const id = findNumber(metadata, `tokenizer.ggml.${role}_token_id`);
    const text = id === undefined ? undefined : texts?.[id];
    // Old defaults name ordinary tokens, such as the comma, as start token.
    if (text === undefined || (kinds?.[id as number] !== TOKEN_CONTROL && !isBracketed(text))) continue;
    tokens[role === 'padding' ? 'pad_token' : `${role}_token`] = text;
  }
  return choose(named, name, tokens);
}

/** The template of a Hugging Face folder: `chat_template.jinja` before `tokenizer_config.json`. */
export function chatTemplateFromHf(
  files: { readonly chatTemplate?: string | undefined; readonly tokenizerConfig?: JsonObject | undefined },
  name = 'default',
): ChatTemplate {
  const named = new Map<string, string>();
  const configured = files.tokenizerConfig?.chat_template;
  if (typeof configured === 'string') named.set('default', configured);
  else if (Array.isArray(configured)) {
    for (const entry of configured) {
      if (typeof entry?.name === 'string' && typeof entry.template === 'string')
        named.set(entry.name, entry.template);
    }
  }
  if (files.chatTemplate !== undefined) named.set('default', files.chatTemplate);
  const tokens: Record<string, string> = {};
  for (const variable of ['bos_token', 'eos_token', 'pad_token', 'unk_token']) {
    const text = tokenText(files.tokenizerConfig?.[variable]);
    if (text !== undefined) tokens[variable] = text;
  }
  return choose(named, name, tokens);
}

function choose(
  found: ReadonlyMap<string, string>,
  name: string,
  tokens: ChatTemplate['tokens'],
): ChatTemplate {
  // Some converters write an empty text for "none".
  const named = new Map([...found].filter(([, source]) => source.trim() !== ''));
  if (named.size === 0 && name === 'default') return { ...FALLBACK_TEMPLATE, tokens };
  // A file whose templates all have names of their own has a default nevertheless: the first.
  const source = named.get(name) ?? (name === 'default' ? [...named.values()][0] : undefined);
  if (source !== undefined) return { source, isFallback: false, tokens };
  const names = [...named.keys()].join(', ');
  throw new UsageError(`Cannot find a chat template called "${name}" in the model`, {
    code: 'unknown-chat-template',
    hint: names === '' ? 'the model has no templates of its own' : `the model has: ${names}`,
  });
}

/**
 * The text for a conversation. Throws `FormatError` (naming the line) for a template that is not Jinja, `UsageError` with
 * the template's words if it refuses the messages.
 */
export function renderTemplate(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  options: TemplateOptions = {},
): string {
  const program = parseTemplate(template);
  const globals = new Environment();
  const now = options.now ?? new Date();
  const variables: Record<string, unknown> = {
    ...checkedVariables(options.variables),
    true: true,
    True: true,
    false: false,
    False: false,
    none: null,
    None: null,
    range,
    strftime_now: (format: string) => strftime(now, format),
    raise_exception: (message: unknown) => {
      throw new UsageError(`The chat template refuses the messages: ${String(message)}`, {
        code: 'template-refusal',
        hint: "arrange the messages as the model's template asks",
      });
    },
    tools: options.tools ?? null,
    documents: null,
    ...template.tokens,
    messages,
    add_generation_prompt: options.addGenerationPrompt ?? true,
  };
  for (const [name, value] of Object.entries(variables)) globals.set(name, value);
  try {
    const result = limited(new PythonInterpreter(globals)).run(program) as { readonly value: string };
    return result.value;
  } catch (cause) {
    if (cause instanceof DotsError) throw cause;
    throw new FormatError(`Cannot render the chat template: ${messageOf(cause)}`, {
      code: 'chat-template',
      hint: 'it asks for something that these messages lack, or uses Jinja beyond what chat templates need',
      cause,
    });
  }
}

// Every conversation is rendered more than once.
const programs = new WeakMap<ChatTemplate, ReturnType<typeof parse>>();

function parseTemplate(template: ChatTemplate): ReturnType<typeof parse> {
  const known = programs.get(template);
  if (known) return known;
  try {
    const program = preparePrinting(
      parse(tokenize(template.source, { lstrip_blocks: true, trim_blocks: true })),
    );
    programs.set(template, program);
    return program;
  } catch (cause) {
    const fault = findTemplateFault(template.source);
    throw new FormatError(
      `Cannot read the chat template, line ${fault.line}: ${fault.message ?? messageOf(cause)}`,
      {
        code: 'chat-template',
        hint: 'the template is damaged or uses Jinja beyond what chat templates need; take the file from the model again',
        cause,
      },
    );
  }
}

/** Text of a variable becomes part of the template, whose markers are control tokens. */
function checkedVariables(variables: TemplateOptions['variables'] = {}): object {
  for (const [name, value] of Object.entries(variables)) {
    const isPlain = value === null || typeof value === 'boolean' || Number.isFinite(value);
    if (!/^[a-z]\w*$/i.test(name) || name === 'namespace') {
      throw new UsageError(`The chat template can have no variable called ${JSON.stringify(name)}`, {
        code: 'bad-template-variable',
        hint: 'names have letters, digits and _',
      });
    }
    if (isPlain || (typeof value === 'string' && /^[\p{L}\p{N} _.,:/+-]*$/u.test(value))) continue;
    throw new UsageError(`The variable "${name}" for the chat template is not a number, boolean or string`, {
      code: 'bad-template-variable',
      hint: 'strings may have letters, digits, spaces and _ . , : / + -',
    });
  }
  return variables;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
