/** Exports of other chat pages, as the conversations of an export of this one; what they hold is checked like those. */
export function fromForeign(file: unknown): readonly unknown[] | undefined {
  if (!Array.isArray(file) || file.length === 0) return undefined;
  if (file.every((one) => isObject(one) && isObject(one.mapping))) return file.map(fromChatGpt);
  if (file.every((one) => isObject(one) && isObject(one.chat))) return file.map(fromOpenWebUi);
  return undefined;
}

interface ForeignMessage {
  readonly id: string;
  readonly parent: string | null;
  /** Undefined for what is not shown: system messages, calls of tools and their results. */
  readonly role: 'user' | 'assistant' | undefined;
  readonly content: string;
  readonly created: number;
}

/** `conversations.json`: nodes with the message inside, times in seconds. */
function fromChatGpt(value: Record<string, unknown>): object {
  const entries = Object.entries(value.mapping as Record<string, unknown>).filter(([, node]) =>
    isObject(node),
  );
  const messages = entries.map(([id, node]): ForeignMessage => {
    const { message, parent } = node as Record<string, unknown>;
    const { author, content, create_time } = (isObject(message) ? message : {}) as Record<string, unknown>;
    const { parts } = (isObject(content) ? content : {}) as Record<string, unknown>;
    const texts = Array.isArray(parts) ? parts.filter((part) => typeof part === 'string') : [];
    return {
      id,
      parent: textOrNull(parent),
      role: texts.join('') === '' ? undefined : roleOf(isObject(author) ? author.role : undefined),
      content: texts.join('\n'),
      created: milliseconds(create_time),
    };
  });
  return {
    id: value.conversation_id ?? value.id,
    title: value.title,
    isRenamed: true,
    created: milliseconds(value.create_time),
    updated: milliseconds(value.update_time),
    ...tree(messages, textOrNull(value.current_node)),
  };
}

/** A list of chats with a history of messages, times in seconds. */
function fromOpenWebUi(value: Record<string, unknown>): object {
  const chat = value.chat as Record<string, unknown>;
  const history = (isObject(chat.history) ? chat.history : {}) as Record<string, unknown>;
  const { system } = (isObject(chat.params) ? chat.params : {}) as Record<string, unknown>;
  const messages = Object.values(isObject(history.messages) ? history.messages : {})
    .filter(isObject)
    .map(
      (message): ForeignMessage => ({
        id: String(message.id),
        parent: textOrNull(message.parentId),
        role: roleOf(message.role),
        content: typeof message.content === 'string' ? message.content : '',
        created: milliseconds(message.timestamp),
      }),
    );
  return {
    id: value.id ?? chat.id,
    title: value.title ?? chat.title,
    isRenamed: true,
    created: milliseconds(value.created_at),
    updated: milliseconds(value.updated_at),
    system,
    ...tree(messages, textOrNull(history.currentId)),
  };
}

/** Messages hang on the nearest one above them that is shown. */
function tree(messages: readonly ForeignMessage[], leaf: string | null): object {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const shownFrom = (id: string | null): string | null => {
    let at = id;
    for (let steps = 0; at !== null && steps <= byId.size; steps++) {
      const message = byId.get(at);
      if (message?.role) return at;
      at = message?.parent ?? null;
    }
    return null;
  };
  const nodes = messages
    .filter(({ role }) => role !== undefined)
    .map((message) => [message.id, { ...message, parent: shownFrom(message.parent) }]);
  return { nodes: Object.fromEntries(nodes), leaf: shownFrom(leaf) };
}

function roleOf(role: unknown): ForeignMessage['role'] {
  return role === 'user' || role === 'assistant' ? role : undefined;
}

function milliseconds(seconds: unknown): number {
  return typeof seconds === 'number' ? Math.round(seconds * 1000) : 0;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
