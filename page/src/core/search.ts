import type { Conversation, Message } from './conversation.ts';

/** A conversation that was found. Where in it is looked up once, and only for the hits that are shown. */
export class Hit {
  readonly conversation: Conversation;
  private readonly words: readonly string[];
  private found: { readonly message: Message | undefined } | undefined;
  private cut: readonly ExcerptPart[] | undefined;

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
    this.cut ??= this.best && excerptOf(this.best.content, this.words);
    return this.cut;
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

/**
 * Conversations in which every word of a query occurs, in the title or in any branch: pinned ones first, then the newest. Many
 * conversations take many turns of `run`, between which the page reacts.
 */
export class Search {
  readonly hits: Hit[] = [];
  private readonly words: readonly string[];
  private readonly query: string;
  private readonly left: Conversation[];
  /** Hits of conversations that were looked through, and undefined where there is none. */
  private readonly looked = new Map<Conversation, Hit | undefined>();
  private readonly before: { readonly query: string; readonly looked: Search['looked'] } | undefined;

  /** `before` is the last search: what it did not find is not looked through for a longer query either. */
  constructor(conversations: readonly Conversation[], query: string, before?: Search) {
    this.query = query.toLowerCase().trim();
    this.words = this.query.split(/\s+/).filter(Boolean);
    if (before && this.query.startsWith(before.query))
      this.before = { query: before.query, looked: before.looked };
    const rank = ({ isPinned = false }: Conversation): number => Number(isPinned);
    // Taken from the end.
    this.left = [...conversations].sort((a, b) => rank(a) - rank(b) || a.updated - b.updated);
  }

  get isDone(): boolean {
    return this.left.length === 0;
  }

  /**
   * Looks through conversations for as long as `goesOn` says, and for the places in the first `numShown` that were found.
   * Without a query all are found at once.
   */
  run(goesOn: () => boolean, numShown: number): void {
    while (this.left.length > 0 && (this.words.length === 0 || goesOn())) {
      const conversation = this.left.pop() as Conversation;
      const hit = this.look(conversation);
      this.looked.set(conversation, hit);
      if (!hit) continue;
      this.hits.push(hit);
      if (this.hits.length <= numShown && this.words.length > 0) void hit.excerpt;
    }
  }

  private look(conversation: Conversation): Hit | undefined {
    if (this.before?.looked.has(conversation)) {
      const known = this.before.looked.get(conversation);
      if (!known || this.before.query === this.query) return known;
    }
    const text = this.words.length > 0 ? lowerText(conversation) : '';
    return this.words.every((word) => text.includes(word)) ? new Hit(conversation, this.words) : undefined;
  }
}

/** All hits at once. */
export function search(conversations: readonly Conversation[], query: string): readonly Hit[] {
  const all = new Search(conversations, query);
  all.run(() => true, 0);
  return all.hits;
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
