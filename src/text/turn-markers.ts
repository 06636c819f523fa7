/**
 * Which tokens open and close turns. A file's flags do not decide it: DeepSeek's own files call `<｜User｜>` an ordinary added
 * token, and faulty converters call markers normal text. What the chat template writes between messages does.
 */
import { type ChatMessage, type ChatTemplate, renderTemplate } from './chat-template.ts';
import { comparedTexts } from './template-literals.ts';
import type { TokenizerOptions, TokenizerSource } from './tokenizer.ts';
import { isBracketed, TOKEN_CONTROL, TOKEN_NORMAL, TOKEN_UNUSED, type Vocabulary } from './vocabulary.ts';

/** The same tokenizer with every turn marker of the template as a control token. Warns of those that were normal text. */
export function withTurnMarkers(
  source: TokenizerSource,
  template: ChatTemplate,
  { onWarning }: TokenizerOptions = {},
): TokenizerSource {
  const { vocabulary } = source;
  const ids = findTurnMarkers(source, template);
  if (ids.length === 0) return source;
  const normal = ids.filter((id) => vocabulary.kindOf(id) === TOKEN_NORMAL).map((id) => vocabulary.texts[id]);
  if (normal.length > 0)
    onWarning?.(
      `the vocabulary has ${normal.join(' ')} as normal text; the chat template writes ` +
        `${normal.length === 1 ? 'it' : 'them'} between messages, so ${normal.length === 1 ? 'it is a' : 'they are'} control ` +
        `token${normal.length === 1 ? '' : 's'}`,
    );
  return { ...source, vocabulary: vocabulary.withKinds(ids, TOKEN_CONTROL) };
}

/** Ids of turn markers that the file does not call control tokens. */
function findTurnMarkers({ vocabulary, merges }: TokenizerSource, template: ChatTemplate): readonly number[] {
  const candidates = bracketedIds(vocabulary);
  if (candidates.length === 0) return [];
  const written = writtenBetweenMessages(template);
  const compared = comparedTexts(template.source);
  const found = candidates.filter((id) => {
    const text = vocabulary.texts[id];
    // A tag that the template looks for in messages (</think>) belongs to them, and so does the one that opens it.
    if (
      isTag(text) &&
      [text, text.replace('<', '</')].some((tag) => compared.some((one) => one.includes(tag)))
    )
      return false;
    if (written.turns.includes(text)) return true;
    if (isTag(text)) return false;
    return written.opening.includes(text) || template.source.includes(text);
  });
  if (!found.some((id) => vocabulary.kindOf(id) === TOKEN_NORMAL)) return found;
  // Text that merges spell is text: "<|" may well be a token of an ordinary vocabulary.
  const merged = new Set(
    merges.map((merge) => (typeof merge === 'string' ? merge.replace(' ', '') : merge.join(''))),
  );
  return found.filter((id) => vocabulary.kindOf(id) !== TOKEN_NORMAL || !merged.has(vocabulary.texts[id]));
}

function bracketedIds(vocabulary: Vocabulary): number[] {
  const ids: number[] = [];
  for (let id = 0; id < vocabulary.size; id++) {
    const kind = vocabulary.kindOf(id);
    if (kind === TOKEN_CONTROL || kind === TOKEN_UNUSED) continue;
    if (isBracketed(vocabulary.texts[id])) ids.push(id);
  }
  return ids;
}

/** <think> </tool_call>: structure inside a message, unless a template writes it around every one. */
function isTag(text: string): boolean {
  return /^<\/?[\w-]+>$/.test(text);
}

/** What a template writes around messages, and what it writes to open the assistant's turn. */
function writtenBetweenMessages(template: ChatTemplate): { turns: string; opening: string } {
  const rendered = (roles: readonly string[], addGenerationPrompt: boolean): string => {
    const messages = roles.map((role, i): ChatMessage => ({ role, content: `message ${i}` }));
    try {
      return renderTemplate(template, messages, { addGenerationPrompt });
    } catch {
      // A template may refuse a role; it says so where someone uses it.
      return '';
    }
  };
  const conversations = [
    ['system', 'user', 'assistant', 'user'],
    ['user', 'assistant', 'user'],
    ['user', 'assistant'],
    ['user'],
  ];
  return {
    turns: conversations.map((roles) => rendered(roles, false)).join('\n'),
    opening: conversations.map((roles) => rendered(roles, true)).join('\n'),
  };
}
