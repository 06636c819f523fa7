import type { Conversation } from './conversation.ts';

export interface Hit {
  readonly conversation: Conversation;
  /** Text around the first match in a message, cut into what matched and what did not; undefined for a title. */
  readonly excerpt: readonly ExcerptPart[] | undefined;
}

export interface ExcerptPart {
  readonly text: string;
  readonly isMatch: boolean;
}

const BEFORE = 24;
const AFTER = 60;

/** Conversations in which every word of the query occurs, in the title or in any branch; newest first. */
export function search(conversations: readonly Conversation[], query: string): readonly Hit[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const newestFirst = [...conversations].sort((a, b) => b.updated - a.updated);
  return newestFirst.flatMap((conversation) => {
    if (words.length === 0) return [{ conversation, excerpt: undefined }];
    const messages = Object.values(conversation.nodes);
    const texts = [conversation.title, ...messages.map(({ content }) => content)];
    const lower = texts.map((text) => text.toLowerCase());
    if (!words.every((word) => lower.some((text) => text.includes(word)))) return [];
    const inTitle = words.every((word) => lower[0].includes(word));
    const found = inTitle
      ? undefined
      : texts.find((_, i) => i > 0 && words.some((word) => lower[i].includes(word)));
    return [{ conversation, excerpt: found === undefined ? undefined : excerptOf(found, words) }];
  });
}

function excerptOf(text: string, words: readonly string[]): readonly ExcerptPart[] {
  const lower = text.toLowerCase();
  const at = Math.min(...words.map((word) => lower.indexOf(word)).filter((index) => index >= 0));
  const start = Math.max(0, at - BEFORE);
  const cut = text.slice(start, at + AFTER).replace(/\s+/g, ' ');
  const pattern = new RegExp(`(${words.map(escapePattern).join('|')})`, 'gi');
  const parts = cut.split(pattern).map((part, i) => ({ text: part, isMatch: i % 2 === 1 }));
  return start > 0 ? [{ text: '…', isMatch: false }, ...parts] : parts;
}

function escapePattern(word: string): string {
  return word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
