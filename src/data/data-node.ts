/** What a run learns from: the `data` field of its file, as a tree of sources and of what is done to their documents. */
import type { ObjectReader } from '../format/object-reader.ts';
import type { ConversationFiles } from './conversations.ts';

/** Tokens of one pass through the network: more than any memory holds, so that a wrong figure is refused before it is tried. */
export const MAX_STEP_TOKENS = 2 ** 24;

/** A stream of documents. `open-data.ts` has one opener for each kind. */
export type DataNode = ShardsNode | ConversationsNode | SessionsNode | MixtureNode | KnotsNode;

/** Token shards of "dots data tokenize". */
export interface ShardsNode {
  readonly kind: 'shards';
  readonly files: readonly string[];
}

/** Files of conversations, with loss on the assistant's tokens only. */
export interface ConversationsNode {
  readonly kind: 'conversations';
  readonly sets: readonly ConversationFiles[];
}

/** Up to so many documents joined into one sequence, as long as they fit. */
export interface SessionsNode {
  readonly kind: 'sessions';
  readonly of: DataNode;
  readonly numSessions: number;
}

/** Several streams, mixed by tokens. */
export interface MixtureNode {
  readonly kind: 'mixture';
  /** `weight` above 0: share of the tokens, relative to the other parts. */
  readonly parts: readonly { readonly of: DataNode; readonly weight: number }[];
}

/** Long-context extension: chunks of documents knotted together (`untie-knots.ts`). */
export interface KnotsNode {
  readonly kind: 'knots';
  readonly of: DataNode;
  /** Share of the sequences that are knotted. */
  readonly probability: number;
  /** How probable 1, 2, 3… chunks of a document are. */
  readonly chunkShares: readonly number[];
  /** Chunks of one document keep their order. */
  readonly keepOrder: boolean;
}

export interface DataConfig {
  readonly documents: DataNode;
  /** Longer documents are cut into pieces of this many tokens. */
  readonly sequenceLength: number;
  /** Decides everything that is drawn: the order of the documents, which are upsampled, how they are knotted. */
  readonly seed: number;
}

/** Whether a tree has conversations in it. */
export function hasConversations(node: DataNode): boolean {
  switch (node.kind) {
    case 'shards':
      return false;
    case 'conversations':
      return true;
    case 'mixture':
      return node.parts.some((part) => hasConversations(part.of));
    case 'sessions':
    case 'knots':
      return hasConversations(node.of);
  }
}

/** The `data` field of a run; docs/training.md describes its fields. Problems are left with the reader. */
export function readDataConfig(data: ObjectReader): DataConfig {
  const parts = data.objects('mix', readPart, { needed: true });
  const mixed: DataNode = parts.length === 1 ? parts[0].of : { kind: 'mixture', parts };
  const hasKnots = data.has('knots');
  const knots = data.object('knots', (k) => ({
    probability: k.number('probability', { fallback: 0.3, max: 1 }),
    chunkShares: k.numbers('chunkShares') ?? [0, 0.5, 0.5],
    keepOrder: k.boolean('keepOrder', false),
  }));
  return {
    documents: hasKnots ? { kind: 'knots', of: mixed, ...knots } : mixed,
    sequenceLength: data.integer('sequenceLength', { fallback: 1024, max: MAX_STEP_TOKENS }),
    seed: data.integer('seed', { fallback: 0, min: 0 }),
  };
}

function readPart(part: ObjectReader): MixtureNode['parts'][number] {
  const files = part.strings('shards');
  const sets = part.objects('chat', readConversationFiles, { needed: part.has('chat') });
  const numSessions = part.integer('sessions', { fallback: 1 });
  const weight = part.number('weight', { fallback: 1 });
  if (weight === 0) part.complain('"weight" is 0, expected a number above 0');
  if ((files === undefined) === !part.has('chat')) part.complain('it has to have either "shards" or "chat"');
  if (files !== undefined) {
    if (numSessions > 1) part.complain('"sessions" joins conversations, and there is no "chat"');
    return { of: { kind: 'shards', files }, weight };
  }
  const conversations: DataNode = { kind: 'conversations', sets };
  const of: DataNode = numSessions > 1 ? { kind: 'sessions', of: conversations, numSessions } : conversations;
  return { of, weight };
}

function readConversationFiles(set: ObjectReader): ConversationFiles {
  const files = set.strings('files');
  if (files === undefined) set.complain('it has to have "files"');
  return { files: files ?? [], upsample: set.number('upsample', { fallback: 1 }) };
}
