/**
 * A conversation -> token ids, with no way for a message to forge a turn. The template's own markers become control
 * tokens; the same characters in a message stay text. For messages without markers the ids are those of the whole rendered
 * text with markers recognised everywhere, which is what other implementations compute.
 */
import { UnsupportedError, UsageError } from '../core/errors.ts';
import {
  type ChatMessage,
  type ChatTemplate,
  renderTemplate,
  type TemplateOptions,
} from './chat-template.ts';
import { requireMarkers } from './fallback-templates.ts';
import type { TextPart, Tokenizer } from './tokenizer.ts';
import type { ToolDefinition } from './tools/tool-format.ts';

export interface ChatOptions extends Omit<TemplateOptions, 'tools'> {
  /** For templates that describe tools to the model themselves (`toolSupport`). */
  readonly tools?: readonly ToolDefinition[];
  /**
   * System message for conversations that begin without one, where the model has no template of its own to decide; null
   * for none.
   */
  readonly defaultSystemPrompt?: string | null;
  /** Leave the last message open, for the model to continue it. Excludes `addGenerationPrompt`. */
  readonly continueFinalMessage?: boolean;
}

/** What the makers' own examples send. */
export const DEFAULT_SYSTEM_PROMPT = 'You are a helpful assistant.';

/** Ids for a conversation. Throws as `renderTemplate`, and `UsageError` for roles that are not words. */
export function renderChat(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  tokenizer: Tokenizer,
  options: ChatOptions = {},
): Int32Array {
  return tokenizer.encodeParts(renderChatParts(template, messages, tokenizer, options));
}

/** The text of a conversation, cut into the template's own parts (`control: true`) and those of messages. */
export function renderChatParts(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  tokenizer: Tokenizer,
  options: ChatOptions = {},
): TextPart[] {
  checkMessages(template, messages, options);
  requireMarkers(template, tokenizer);
  const conversation: Conversation = {
    messages: withSystemPrompt(template, messages, options),
    tools: options.tools?.map(wireTool) ?? null,
  };
  checkKeys(conversation, tokenizer);
  const now = options.now ?? new Date();
  const render = (shown: Conversation) =>
    renderTemplate(template, shown.messages, {
      ...options,
      tools: shown.tools,
      now,
      addGenerationPrompt: !options.continueFinalMessage && (options.addGenerationPrompt ?? true),
    });

  const plain = render(conversation);
  const opaque = renderOpaque(render, conversation, plain, options.continueFinalMessage === true);
  const chosen = chooseParts(render, conversation, plain, opaque, tokenizer);
  return options.continueFinalMessage ? openFinalMessage(chosen, opaque, messages) : chosen.parts;
}

/** All that a template gets from others. */
interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly object[] | null;
}

/** As templates of Hugging Face have it. */
function wireTool({ name, description = '', parameters }: ToolDefinition): object {
  const schema = parameters ?? { type: 'object', properties: {} };
  return { type: 'function', function: { name, description, parameters: schema } };
}

interface Rendering {
  readonly parts: TextPart[];
  /** Where the content of the last message ends, if that is known. */
  readonly end?: number;
}

/**
 * Four ways to find what in the text came from messages, the first that is sure:
 * 1. Messages are replaced by place-holders and put back after rendering. Right for every template that copies them.
 * 2. The template looks into messages (cuts or tests them), but no message has a character that begins a marker: then every
 *    marker is the template's.
 * 3. Only the markers inside messages are disguised. Right if the template then writes the markers it also wrote
 *    around place-holders.
 * 4. Otherwise the messages stay opaque to the template: the text of way 1, whatever the template would have changed.
 */
function chooseParts(
  render: (conversation: Conversation) => string,
  conversation: Conversation,
  plain: string,
  opaque: Rendering,
  tokenizer: Tokenizer,
): Rendering {
  if (joinParts(opaque.parts) === plain) return opaque;

  const markers = tokenizer.controlIds.map((id) => tokenizer.pieceOf(id));
  const starts = new Set(markers.map((marker) => marker[0]));
  const contents: string[] = [];
  mapContents(conversation, (text) => {
    contents.push(text);
    return text;
  });
  if (!contents.some((text) => [...starts].some((start) => text.includes(start)))) {
    return { parts: [{ text: plain, control: true }] };
  }

  const disguises = new Map(
    unusedCharacters(plain, starts.size).map((disguise, i) => [disguise, [...starts][i]]),
  );
  const disguised = render(mapContents(conversation, (text) => disguiseMarkers(text, markers, disguises)));
  const parts: TextPart[] = [];
  let from = 0;
  for (let i = 0; i < disguised.length; i++) {
    const original = disguises.get(disguised[i]);
    if (original === undefined) continue;
    parts.push({ text: disguised.slice(from, i), control: true }, { text: original, control: false });
    from = i + 1;
  }
  parts.push({ text: disguised.slice(from), control: true });
  const markersOf = (some: readonly TextPart[]): string => tokenizer.controlTokens(some).join();
  return markersOf(parts) === markersOf(opaque.parts) ? { parts } : opaque;
}

/** Renders with a place-holder for each content and puts the contents back as parts of their own. */
function renderOpaque(
  render: (conversation: Conversation) => string,
  conversation: Conversation,
  plain: string,
  markFinal: boolean,
): Rendering {
  const [open, close] = unusedCharacters(plain, 2);
  const contents: string[] = [];
  let finalIndex = -1;
  const shown = mapContents(conversation, (text, isFinal) => {
    // White space stays outside the place-holder, so that templates may trim; white space alone can't forge anything.
    const core = text.trim();
    if (isFinal && markFinal) finalIndex = contents.length;
    else if (core === '') return text;
    const at = text.indexOf(core);
    contents.push(core);
    return `${text.slice(0, at)}${open}${contents.length - 1}${close}${text.slice(at + core.length)}`;
  });
  const parts: TextPart[] = [];
  let length = 0;
  let end: number | undefined;
  const rendered = render(shown);
  for (const [i, piece] of rendered.split(new RegExp(`${open}(\\d+)${close}`)).entries()) {
    // Odd pieces are the numbers that the pattern's group caught.
    const text = i % 2 === 0 ? piece : contents[Number(piece)];
    if (text !== '') parts.push({ text, control: i % 2 === 0 });
    length += text.length;
    if (i % 2 === 1 && Number(piece) === finalIndex) end = length;
  }
  if (end === undefined) return { parts };
  // The white space at the end of the message, if the template kept it.
  const last = conversation.messages.at(-1)?.content ?? '';
  const tail = last.slice(last.trimEnd().length);
  const text = joinParts(parts);
  return { parts, end: text.startsWith(tail, end) ? end + tail.length : end };
}

/** A copy with `change` applied to every text but words for roles and types, which templates compare. */
function mapContents(
  { messages, tools }: Conversation,
  change: (text: string, isFinalContent: boolean) => string,
): Conversation {
  const mapValue = (value: unknown, key: string): unknown => {
    if (typeof value === 'string')
      return (key === 'role' || key === 'type') && /^[\w-]*$/.test(value) ? value : change(value, false);
    if (Array.isArray(value)) return value.map((item) => mapValue(item, key));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapValue(item, name)]));
  };
  return {
    messages: messages.map((message, i) => ({
      ...(mapValue({ ...message, content: '' }, '') as ChatMessage),
      content: change(message.content, i === messages.length - 1),
    })),
    tools: mapValue(tools, '') as Conversation['tools'],
  };
}

/** Keys stay as they are, because templates look for some; none may hold a marker that a template would write. */
function checkKeys({ messages, tools }: Conversation, tokenizer: Tokenizer): void {
  const markers = tokenizer.controlIds.map((id) => tokenizer.pieceOf(id));
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, item] of Object.entries(value)) {
      const marker = markers.find((text) => key.includes(text));
      if (marker !== undefined) {
        throw new UsageError(
          `Cannot use ${JSON.stringify(key)} as a name: it holds the control token ${marker}`,
          {
            code: 'marker-in-name',
            hint: 'give the field of the message, or the parameter of the tool, another name',
          },
        );
      }
      visit(item);
    }
  };
  if (tools) visit(tools);
  for (const message of messages) visit(message);
}

function disguiseMarkers(
  text: string,
  markers: readonly string[],
  disguises: ReadonlyMap<string, string>,
): string {
  let result = text;
  for (const [disguise, start] of disguises) {
    for (const marker of markers) {
      if (marker[0] === start) result = result.replaceAll(marker, disguise + marker.slice(1));
    }
  }
  return result;
}

/** Private-use characters that the text lacks. */
function unusedCharacters(text: string, count: number): string[] {
  const unused: string[] = [];
  for (let code = 0xe000; code < 0xf900 && unused.length < count; code++) {
    const char = String.fromCharCode(code);
    if (!text.includes(char)) unused.push(char);
  }
  if (unused.length === count) return unused;
  throw new UsageError('Cannot render the messages: they use every private-use character of Unicode', {
    code: 'private-use-characters',
    hint: 'remove some of the characters from U+E000 to U+F8FF',
  });
}

function joinParts(parts: readonly TextPart[]): string {
  return parts.map((part) => part.text).join('');
}

/** Cuts the text after the content of the last message. */
function openFinalMessage(
  chosen: Rendering,
  opaque: Rendering,
  messages: readonly ChatMessage[],
): TextPart[] {
  if (chosen.end !== undefined) return cutParts(chosen.parts, chosen.end);
  const text = joinParts(chosen.parts);
  const { content } = messages[messages.length - 1];
  const start = text.lastIndexOf(content);
  if (content.trim() !== '' && start >= 0) return cutParts(chosen.parts, start + content.length);
  // The template changed the message; what is to be continued is the message as it was given.
  if (opaque.end !== undefined) return cutParts(opaque.parts, opaque.end);
  throw new UnsupportedError('Cannot continue the final message: the chat template does not show it', {
    code: 'cannot-continue',
    hint: 'ask for a new answer instead of a continued one',
  });
}

function cutParts(parts: readonly TextPart[], end: number): TextPart[] {
  const kept: TextPart[] = [];
  let start = 0;
  for (const part of parts) {
    if (start < end) kept.push({ ...part, text: part.text.slice(0, end - start) });
    start += part.text.length;
  }
  return kept;
}

function withSystemPrompt(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  options: ChatOptions,
): readonly ChatMessage[] {
  const prompt =
    options.defaultSystemPrompt === undefined ? DEFAULT_SYSTEM_PROMPT : options.defaultSystemPrompt;
  if (!template.isFallback || prompt === null || messages[0]?.role === 'system') return messages;
  return [{ role: 'system', content: prompt }, ...messages];
}

/** What every template knows. Another role is one that the template names. */
const ROLES = ['system', 'user', 'assistant'];

function checkMessages(template: ChatTemplate, messages: readonly ChatMessage[], options: ChatOptions): void {
  if (options.continueFinalMessage && options.addGenerationPrompt) {
    throw new UsageError('Cannot both continue the final message and open a new one', {
      code: 'bad-chat-options',
      hint: 'set continueFinalMessage or addGenerationPrompt',
    });
  }
  if (options.continueFinalMessage && messages.length === 0) {
    throw new UsageError('Cannot continue the final message: there are no messages', {
      code: 'bad-chat-options',
      hint: 'give at least one message',
    });
  }
  for (const { role, content } of messages) {
    if (typeof content !== 'string') {
      throw new UsageError(`Cannot use a message of ${JSON.stringify(role)} whose content is not text`, {
        code: 'bad-content',
        hint: 'the content of a message is a string',
      });
    }
    // Templates write any role as it is, or take it for the model's own: a misspelt one would never be noticed.
    if (ROLES.includes(role) || (/^\w[\w-]*$/.test(role) && names(template, role))) continue;
    throw new UsageError(`Cannot use ${JSON.stringify(role) ?? 'nothing'} as the role of a message`, {
      code: 'bad-role',
      hint: `the roles are ${ROLES.join(', ')}, and others that the chat template names`,
    });
  }
}

function names({ source }: ChatTemplate, role: string): boolean {
  return source.includes(`'${role}'`) || source.includes(`"${role}"`);
}
