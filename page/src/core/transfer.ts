import { isSchema } from './answer-options.ts';
import { type Conversation, cleanTitle, type Message } from './conversation.ts';
import { fromForeign } from './foreign-exports.ts';
import { hashOf } from './ids.ts';
import { packRecording, type Recording, unpackRecording } from './recording.ts';

const FORMAT = 'dots-conversations';
const VERSION = 1;
const ROLES: readonly unknown[] = ['user', 'assistant'];
/** The digit keeps out names that every object has, such as `constructor`. */
const USABLE_ID = /^(?=.*\d)[\w-]{1,80}$/;

export interface Bundle {
  readonly conversations: readonly Conversation[];
  /** By message. */
  readonly recordings: ReadonlyMap<string, Recording>;
}

/** Why a file cannot be imported. `reason` is the key of a text for people. */
export class ImportError extends Error {
  readonly reason: 'importNoExport' | 'importOtherVersion' | 'importDamaged';

  constructor(reason: ImportError['reason'], detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/** Conversations as JSON text, with what was recorded of their answers. */
export function exportJson({ conversations, recordings }: Bundle): string {
  const routing = Object.fromEntries(
    [...recordings].map(([id, recording]) => [id, packRecording(recording)]),
  );
  return JSON.stringify({ format: FORMAT, version: VERSION, conversations, routing }, undefined, 1);
}

/**
 * The reverse; also of exports of ChatGPT and Open WebUI. Conversations and messages keep their ids, so that importing a file
 * twice changes nothing. `ownerOf` names the conversation that already has a message: in another one it gets a new id. Throws
 * an `ImportError` for anything that is not such a file; what it holds beyond that is dropped, not trusted.
 */
export function importFile(text: string, ownerOf: (messageId: string) => string | undefined): Bundle {
  const parsed = parse(text);
  const foreign = fromForeign(parsed);
  const file = foreign ? { format: FORMAT, version: VERSION, conversations: foreign } : parsed;
  if (!isObject(file) || file.format !== FORMAT || !Array.isArray(file.conversations))
    throw new ImportError('importNoExport', 'not an export of this page');
  if (file.version !== VERSION)
    throw new ImportError('importOtherVersion', `version ${String(file.version)}`);
  const owners = new Map<string, string>();
  const newIds = new Map<string, string>();
  const idOf = (conversation: string, message: string): string => {
    const owner = owners.get(message) ?? ownerOf(message) ?? conversation;
    const id = USABLE_ID.test(message) && owner === conversation ? message : derivedId(conversation, message);
    owners.set(id, conversation);
    newIds.set(message, id);
    return id;
  };
  const conversations = file.conversations.map((value) => readConversation(value, idOf));
  const recordings = new Map<string, Recording>();
  for (const [id, packed] of Object.entries(isObject(file.routing) ? file.routing : {})) {
    const messageId = newIds.get(id);
    const recording = messageId === undefined ? undefined : unpackRecording(packed);
    if (messageId !== undefined && recording) recordings.set(messageId, recording);
  }
  return { conversations, recordings };
}

/** A conversation that is there, with the messages of an import that it lacks. The same object where it lacks none. */
export function joinConversations(before: Conversation, imported: Conversation): Conversation {
  const isKnown = Object.keys(imported.nodes).every((id) => id in before.nodes);
  if (isKnown) return before;
  const schemas = { ...imported.schemas, ...before.schemas };
  return {
    ...before,
    nodes: { ...imported.nodes, ...before.nodes },
    ...(Object.keys(schemas).length > 0 && { schemas }),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ImportError('importNoExport', 'not JSON');
  }
}

function readConversation(
  value: unknown,
  idOf: (conversation: string, message: string) => string,
): Conversation {
  if (!isObject(value) || !isObject(value.nodes)) throw damaged('a conversation without messages');
  const conversation = String(value.id);
  const id = USABLE_ID.test(conversation) ? conversation : derivedId('', conversation);
  const messages = Object.values(value.nodes).map((node) => {
    if (
      !isObject(node) ||
      typeof node.id !== 'string' ||
      typeof node.content !== 'string' ||
      !ROLES.includes(node.role)
    )
      throw damaged('a message without id, role or content');
    return node as Record<string, unknown> & { id: string; content: string; role: Message['role'] };
  });
  const schemas = Object.fromEntries(
    Object.entries(isObject(value.schemas) ? value.schemas : {}).filter(([, schema]) => isSchema(schema)),
  ) as NonNullable<Conversation['schemas']>;
  const ids = new Map(messages.map((node) => [node.id, idOf(id, node.id)]));
  const nodes = messages.map((node): Message => {
    const { parent } = node;
    if (parent !== null && !(typeof parent === 'string' && ids.has(parent)))
      throw damaged('a message whose parent is missing');
    return {
      id: ids.get(node.id) as string,
      parent: parent === null ? null : (ids.get(parent) as string),
      role: node.role,
      content: node.content,
      created: numberOr(node.created, 0),
      status: node.status === 'stopped' || node.status === 'failed' ? node.status : 'done',
      ...(typeof node.model === 'string' && { model: node.model }),
      ...(typeof node.finishReason === 'string' && { finishReason: node.finishReason }),
      ...(isToolCalls(node.toolCalls) && { toolCalls: node.toolCalls }),
      ...(isStats(node.stats) && { stats: node.stats }),
      ...(typeof node.seed === 'number' && { seed: node.seed }),
      ...(isObject(node.fields) && { fields: node.fields }),
      ...(typeof node.schema === 'string' && node.schema in schemas && { schema: node.schema }),
      ...(node.hasOdds === true && { hasOdds: true }),
      ...(typeof node.firstSent === 'string' &&
        ids.has(node.firstSent) && { firstSent: ids.get(node.firstSent) as string }),
    };
  });
  if (hasLoop(nodes)) throw damaged('messages that are their own ancestors');
  const leaf = typeof value.leaf === 'string' ? ids.get(value.leaf) : undefined;
  return {
    id,
    title: typeof value.title === 'string' ? cleanTitle(value.title) : '',
    isRenamed: value.isRenamed === true,
    ...(value.isPinned === true && { isPinned: true }),
    created: numberOr(value.created, 0),
    updated: numberOr(value.updated, 0),
    system: typeof value.system === 'string' ? value.system : '',
    nodes: Object.fromEntries(nodes.map((node) => [node.id, node])),
    leaf: leaf ?? nodes.at(-1)?.id ?? null,
    ...(value.trims === true && { trims: true }),
    ...(Object.keys(schemas).length > 0 && { schemas }),
  };
}

function damaged(detail: string): ImportError {
  return new ImportError('importDamaged', detail);
}

/** The same for the same text, in every import. */
function derivedId(conversation: string, text: string): string {
  return `i0-${hashOf(`${conversation} ${text}`)}`;
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

function isToolCalls(value: unknown): value is NonNullable<Message['toolCalls']> {
  const isCall = (call: unknown): boolean =>
    isObject(call) && typeof call.name === 'string' && typeof call.arguments === 'string';
  return Array.isArray(value) && value.every(isCall);
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : fallback;
}
