import type { Conversation, Message } from './conversation.ts';

/** A conversation without its messages. */
export type Header = Omit<Conversation, 'nodes'>;

/**
 * How a conversation differs from what the database holds. Only what changed is in it, so that of two tabs that change
 * different things in one conversation both prevail.
 */
export interface Change {
  readonly header: Partial<Header>;
  readonly messages: Readonly<Record<string, Message>>;
  readonly removed: readonly string[];
  /** Of the conversation or its messages: what was deleted and is brought back on purpose. Nothing else comes back. */
  readonly restored: readonly string[];
}

const NO_CHANGE: Change = { header: {}, messages: {}, removed: [], restored: [] };

/** Messages that are other objects than before count as changed: conversations are never changed in place. */
export function changeBetween(before: Conversation | undefined, after: Conversation): Change {
  const { nodes: oldNodes = {}, ...oldHeader } = before ?? {};
  const { nodes, ...header } = after;
  return {
    header: differences<unknown>(oldHeader, header) as Partial<Header>,
    messages: differences(oldNodes, nodes),
    removed: Object.keys(oldNodes).filter((id) => !(id in nodes)),
    restored: [],
  };
}

export function applyChange(conversation: Conversation, change: Change): Conversation {
  const nodes = { ...conversation.nodes, ...change.messages };
  for (const id of change.removed) delete nodes[id];
  return { ...conversation, ...mergeHeader(conversation, change.header), nodes };
}

/** Whichever tab writes last, the newest time counts, and answers of both find their schemas. */
export function mergeHeader(before: Partial<Header>, change: Partial<Header>): Partial<Header> {
  const updated = Math.max(before.updated ?? 0, change.updated ?? 0);
  const schemas = change.schemas && { ...before.schemas, ...change.schemas };
  return { ...change, updated, ...(schemas && { schemas }) };
}

/** One change that does what two do one after the other. */
export function joinChanges(a: Change = NO_CHANGE, b: Change = NO_CHANGE): Change {
  const messages = { ...a.messages, ...b.messages };
  for (const id of b.removed) delete messages[id];
  return {
    header: { ...a.header, ...b.header },
    messages,
    removed: [...a.removed.filter((id) => !(id in b.messages)), ...b.removed],
    restored: [...a.restored.filter((id) => !b.removed.includes(id)), ...b.restored],
  };
}

function differences<V>(
  before: Readonly<Record<string, V>>,
  after: Readonly<Record<string, V>>,
): Record<string, V> {
  return Object.fromEntries(Object.entries(after).filter(([key, value]) => before[key] !== value));
}
