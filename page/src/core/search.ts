import type { Conversation, Message } from './conversation.ts';

/** A conversation that was found. Where in it is looked up only for the hits that are shown. */
export class Hit {
  readonly conversation: Conversation;
  private readonly words: readonly string[];
  private found: { readonly message: Message | undefined } | undefined;

  constructor(conversation: Conversation, words: readonly string[]) {
    this.conversation = conversation;
    this.words = words;
  }

  /** The message that fits best; undefined where the title fits. */
  get message(): string | undefined {
    return this.best?.id;
  }

  /** Text around the match in that message, cut into what matched and what did not. */
  get excerpt(): readonly ExcerptPart[] | undefined {
    return this.best && excerptOf(this.best.content, this.words);
  }

  private get best(): Message | undefined {
    this.found ??= { message: bestMessage(this.conversation, this.words) };
    return this.found.message;
  }
}

export interface ExcerptPart {
  readonly text: string;
  readonly isMatch: boolean;
}

const BEFORE = 24;
const AFTER = 60;

/** All texts of a conversation in small letters. It is never changed in place, so once is enough. */
const lowerTexts = new WeakMap<Conversation, string>();

/** Conversations in which every word of the query occurs, in the title or in any branch; newest first. */
export function search(conversations: readonly Conversation[], query: string): readonly Hit[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return conversations
    .filter((conversation) => {
      const text = words.length > 0 ? lowerText(conversation) : '';
      return words.every((word) => text.includes(word));
    })
    .sort((a, b) => b.updated - a.updated)
    .map((conversation) => new Hit(conversation, words));
}

function lowerText(conversation: Conversation): string {
  const known = lowerTexts.get(conversation);
  if (known !== undefined) return known;
  const contents = Object.values(conversation.nodes).map(({ content }) => content);
  const text = [conversation.title, ...contents].join('\n').toLowerCase();
  lowerTexts.set(conversation, text);
  return text;
}

/** The first message with the most words of the query; undefined where the title has them all. */
function bestMessage({ title, nodes }: Conversation, words: readonly string[]): Message | undefined {
  const countIn = (text: string): number => {
    const lower = text.toLowerCase();
    return words.filter((word) => lower.includes(word)).length;
  };
  if (countIn(title) === words.length) return undefined;
  let best: Message | undefined;
  let most = 0;
  for (const message of Object.values(nodes)) {
    const count = countIn(message.content);
    if (count > most) [best, most] = [message, count];
  }
  return best;
}

/** The stretch with the most different words of the query, the first of them. */
function excerptOf(text: string, words: readonly string[]): readonly ExcerptPart[] {
  const pattern = new RegExp(`(${words.map(escapePattern).join('|')})`, 'gi');
  let at = 0;
  let most = 0;
  const recent: { readonly index: number; readonly word: string }[] = [];
  for (const match of text.matchAll(pattern)) {
    recent.push({ index: match.index, word: match[0].toLowerCase() });
    while (match.index - recent[0].index > AFTER - match[0].length && recent.length > 1) recent.shift();
    const count = new Set(recent.map(({ word }) => word)).size;
    if (count > most) [at, most] = [recent[0].index, count];
    if (count === words.length) break;
  }
  const start = Math.max(0, at - BEFORE);
  const cut = text.slice(start, at + AFTER).replace(/\s+/g, ' ');
  const parts = cut.split(pattern).map((part, i) => ({ text: part, isMatch: i % 2 === 1 }));
  return start > 0 ? [{ text: '…', isMatch: false }, ...parts] : parts;
}

function escapePattern(word: string): string {
  return word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
