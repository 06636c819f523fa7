import type { Conversation, Message } from './conversation.ts';
import { packRecording, type Recording, unpackRecording } from './recording.ts';

const FORMAT = 'dots-conversations';
const ROLES: readonly unknown[] = ['user', 'assistant'];

export interface Bundle {
  readonly conversations: readonly Conversation[];
  /** By message. */
  readonly recordings: ReadonlyMap<string, Recording>;
}

/** Conversations as JSON text, with the routing that was recorded for their answers. */
export function exportJson({ conversations, recordings }: Bundle): string {
  const routing = Object.fromEntries(
    [...recordings].map(([id, recording]) => [id, packRecording(recording)]),
  );
  return JSON.stringify({ format: FORMAT, version: 1, conversations, routing }, undefined, 1);
}

/**
 * The reverse. Every id is replaced (`newId` makes them), so that nothing that is already there is overwritten. Throws an
 * `Error` for anything that is not such a file; what it holds beyond that is dropped, not trusted.
 */
export function importJson(text: string, newId: () => string): Bundle {
  const file = JSON.parse(text) as { format?: unknown; conversations?: unknown; routing?: unknown };
  if (file?.format !== FORMAT || !Array.isArray(file.conversations))
    throw new Error('not an export of this page');
  const ids = new Map<string, string>();
  const conversations = file.conversations.map((value) => readConversation(value, newId, ids));
  const recordings = new Map<string, Recording>();
  if (isObject(file.routing)) {
    for (const [id, packed] of Object.entries(file.routing)) {
      const messageId = ids.get(id);
      const recording = messageId === undefined ? undefined : unpackRecording(packed);
      if (messageId !== undefined && recording) recordings.set(messageId, recording);
    }
  }
  return { conversations, recordings };
}

function readConversation(value: unknown, newId: () => string, ids: Map<string, string>): Conversation {
  if (!isObject(value) || !isObject(value.nodes)) throw new Error('a conversation without messages');
  const messages = Object.values(value.nodes).map((node) => {
    if (
      !isObject(node) ||
      typeof node.id !== 'string' ||
      typeof node.content !== 'string' ||
      !ROLES.includes(node.role)
    )
      throw new Error('a message without id, role or content');
    return node as Record<string, unknown> & { id: string; content: string; role: Message['role'] };
  });
  for (const { id } of messages) ids.set(id, newId());
  const known = new Set(messages.map(({ id }) => id));
  const nodes = messages.map((node): Message => {
    const { parent } = node;
    if (parent !== null && !(typeof parent === 'string' && known.has(parent)))
      throw new Error('a message whose parent is missing');
    return {
      id: ids.get(node.id) as string,
      parent: parent === null ? null : (ids.get(parent) as string),
      role: node.role,
      content: node.content,
      created: numberOr(node.created, 0),
      status: node.status === 'stopped' || node.status === 'failed' ? node.status : 'done',
      ...(typeof node.model === 'string' && { model: node.model }),
      ...(typeof node.finishReason === 'string' && { finishReason: node.finishReason }),
      ...(isStats(node.stats) && { stats: node.stats }),
    };
  });
  if (hasLoop(nodes)) throw new Error('messages that are their own ancestors');
  const leaf = typeof value.leaf === 'string' && known.has(value.leaf) ? value.leaf : messages.at(-1)?.id;
  return {
    id: newId(),
    title: typeof value.title === 'string' ? value.title : '',
    isRenamed: value.isRenamed === true,
    created: numberOr(value.created, 0),
    updated: numberOr(value.updated, 0),
    system: typeof value.system === 'string' ? value.system : '',
    nodes: Object.fromEntries(nodes.map((node) => [node.id, node])),
    leaf: leaf === undefined ? null : (ids.get(leaf) as string),
  };
}

function hasLoop(nodes: readonly Message[]): boolean {
  const parentOf = new Map(nodes.map(({ id, parent }) => [id, parent]));
  const rooted = new Set<string>();
  return nodes.some(({ id }) => {
    const seen = new Set<string>();
    for (let at: string | null | undefined = id; at; at = parentOf.get(at)) {
      if (seen.has(at)) return true;
      if (rooted.has(at)) break;
      seen.add(at);
    }
    for (const at of seen) rooted.add(at);
    return false;
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStats(value: unknown): value is NonNullable<Message['stats']> {
  const names = ['promptTokens', 'cachedTokens', 'answerTokens', 'tokensPerSecond'];
  return isObject(value) && names.every((name) => Number.isFinite(value[name]));
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : fallback;
}
