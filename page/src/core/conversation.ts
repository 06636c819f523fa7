import { splitAttachments } from './attachments.ts';

/**
 * A conversation is a tree: editing a question or asking for another answer adds a sibling, and nothing is lost. `leaf` says
 * which branch is shown; the path from the root to it is what the model reads.
 */
export interface Conversation {
  readonly id: string;
  readonly title: string;
  /** Set by hand; otherwise the title follows the first question. */
  readonly isRenamed: boolean;
  /** Listed first. */
  readonly isPinned?: boolean;
  readonly created: number;
  readonly updated: number;
  readonly system: string;
  readonly nodes: Readonly<Record<string, Message>>;
  readonly leaf: string | null;
  /** Leave out the oldest turns where the context cannot hold all. */
  readonly trims?: boolean;
  /** JSON schemas that answers follow, each once, by the names that messages have for them. */
  readonly schemas?: Readonly<Record<string, object | boolean>>;
}

export interface Message {
  readonly id: string;
  readonly parent: string | null;
  readonly role: 'user' | 'assistant';
  readonly content: string;
  readonly created: number;
  readonly status: 'done' | 'streaming' | 'stopped' | 'failed';
  readonly model?: string;
  /** Of an answer: what its request said besides the messages and the schema. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Of an answer that follows a JSON schema: its name among those of the conversation. */
  readonly schema?: string;
  /** With the same fields and this seed the same answer comes again. */
  readonly seed?: number;
  readonly finishReason?: string;
  readonly error?: MessageError;
  readonly stats?: MessageStats;
  /** The probabilities of its tokens were recorded. */
  readonly hasOdds?: boolean;
  /** Of an answer: the message that the model's prompt began with, where earlier ones were left out. */
  readonly firstSent?: string;
  /** Functions that the model calls. */
  readonly toolCalls?: readonly ToolCall[];
}

export interface ToolCall {
  readonly name: string;
  /** As the model wrote them: JSON, unless it erred. */
  readonly arguments: string;
}

export interface MessageError {
  readonly message: string;
  readonly code: string;
}

export interface MessageStats {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly answerTokens: number;
  /** Of the answer, after its first token. */
  readonly tokensPerSecond: number;
  /** From the request to the first text. */
  readonly firstTokenMs?: number;
  /** Of the prompt, but for what was cached. */
  readonly promptTokensPerSecond?: number;
}

const TITLE_LENGTH = 60;

export function newConversation(id: string, system: string, now: number): Conversation {
  return { id, title: '', isRenamed: false, created: now, updated: now, system, nodes: {}, leaf: null };
}

/** From the first question to the leaf, or to another message. */
export function pathOf(
  conversation: Conversation,
  to: string | null = conversation.leaf,
): readonly Message[] {
  const path: Message[] = [];
  for (let id = to; id !== null; ) {
    const message = conversation.nodes[id];
    if (!message) break;
    path.push(message);
    id = message.parent;
  }
  return path.reverse();
}

/** Messages with the same parent, oldest first; the message itself is among them. */
export function siblingsOf(conversation: Conversation, id: string): readonly Message[] {
  const { parent } = conversation.nodes[id];
  return childrenOf(conversation, parent);
}

export function addMessage(conversation: Conversation, message: Message): Conversation {
  const nodes = { ...conversation.nodes, [message.id]: message };
  const isFirst = message.parent === null && !conversation.isRenamed && conversation.title === '';
  return {
    ...conversation,
    nodes,
    leaf: message.id,
    updated: message.created,
    title: isFirst
      ? titleFrom(splitAttachments(message.content).question || message.content)
      : conversation.title,
  };
}

export function changeMessage(
  conversation: Conversation,
  id: string,
  change: Partial<Message>,
): Conversation {
  const message = conversation.nodes[id];
  if (!message) return conversation;
  return { ...conversation, nodes: { ...conversation.nodes, [id]: { ...message, ...change } } };
}

/** Show the branch that goes through a message: down to the newest answer below it. */
export function showBranch(conversation: Conversation, id: string): Conversation {
  let leaf = id;
  for (;;) {
    const newest = childrenOf(conversation, leaf).at(-1);
    if (!newest) return { ...conversation, leaf };
    leaf = newest.id;
  }
}

/** Without a message and all that follows it. What is shown then is a sibling's branch, or ends at the parent. */
export function removeBranch(
  conversation: Conversation,
  id: string,
): { readonly conversation: Conversation; readonly removed: readonly Message[] } {
  const removed = Object.values(conversation.nodes).filter((message) =>
    pathOf(conversation, message.id).some((above) => above.id === id),
  );
  const nodes = { ...conversation.nodes };
  for (const message of removed) delete nodes[message.id];
  const rest = { ...conversation, nodes };
  if (conversation.leaf !== null && conversation.leaf in nodes) return { conversation: rest, removed };
  const parent = conversation.nodes[id]?.parent ?? null;
  const sibling = childrenOf(rest, parent).at(-1);
  return { conversation: sibling ? showBranch(rest, sibling.id) : { ...rest, leaf: parent }, removed };
}

/** What failed or was stopped before it began is nothing to go back to. */
export function withoutEmpty(conversation: Conversation, message: Message): Conversation {
  if (message.content !== '' || message.toolCalls) return conversation;
  const { [message.id]: empty, ...nodes } = conversation.nodes;
  return { ...conversation, nodes };
}

export function rename(conversation: Conversation, title: string): Conversation {
  const trimmed = cleanTitle(title);
  return trimmed === '' ? conversation : { ...conversation, title: trimmed, isRenamed: true };
}

/** Signs that turn the direction of all text after them: titles appear in sentences, next to other titles and in file names. */
const DIRECTION_SIGNS = /[\u202a-\u202e\u2066-\u2069]/g;

export function cleanTitle(title: string): string {
  return title.replace(DIRECTION_SIGNS, '').trim();
}

export function titleFrom(text: string): string {
  const line = cleanTitle(text).replace(/\s+/g, ' ');
  const characters = [...line];
  return characters.length <= TITLE_LENGTH ? line : `${characters.slice(0, TITLE_LENGTH - 1).join('')}…`;
}

/** The clock may give two messages one time; the order in which they were added decides then. */
function childrenOf(conversation: Conversation, parent: string | null): readonly Message[] {
  return Object.values(conversation.nodes)
    .filter((message) => message.parent === parent)
    .sort((a, b) => a.created - b.created);
}
