import type { Header } from './change.ts';
import { type Conversation, type Message, showBranch } from './conversation.ts';

/** What the database holds in the place of something deleted, so that no tab that still knows it writes it back. */
export interface Tombstone {
  readonly id: string;
  readonly deleted: number;
}

export type HeaderRecord = Header | Tombstone;
export type MessageRecord = { readonly conversation: string } & (
  | Message
  | (Tombstone & { readonly parent: string | null })
);

export function isDeleted(record: object | undefined): record is Tombstone {
  return record !== undefined && 'deleted' in record;
}

/** A conversation from its records; undefined where it was deleted. */
export function fromRecords(
  header: HeaderRecord | undefined,
  records: readonly MessageRecord[],
): Conversation | undefined {
  if (!header || isDeleted(header)) return undefined;
  const byId = new Map(records.map((record) => [record.id, record]));
  /** One tab may have answered a message while another deleted it: the answer goes to what remains above. */
  const living = (id: string | null): string | null => {
    let at = id;
    for (let record = byId.get(at ?? ''); isDeleted(record); record = byId.get(at ?? '')) at = record.parent;
    return at !== null && byId.has(at) ? at : null;
  };
  const nodes: Record<string, Message> = {};
  for (const record of records) {
    if (isDeleted(record)) continue;
    const { conversation, ...message } = record;
    nodes[record.id] = { ...message, parent: living(message.parent) };
  }
  return withLeaf({ ...header, nodes }, living(header.leaf));
}

/** The leaf is a message, and one without an answer. */
function withLeaf(conversation: Conversation, leaf: string | null): Conversation {
  if (leaf !== null) return showBranch(conversation, leaf);
  const newest = Object.values(conversation.nodes)
    .filter(({ parent }) => parent === null)
    .sort((a, b) => a.created - b.created)
    .at(-1);
  return newest ? showBranch(conversation, newest.id) : { ...conversation, leaf: null };
}

export function toRecords(conversation: Conversation): {
  header: Header;
  messages: readonly MessageRecord[];
} {
  const { nodes, ...header } = conversation;
  const messages = Object.values(nodes).map((message) => ({ ...message, conversation: header.id }));
  return { header, messages };
}
