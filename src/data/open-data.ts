/** Opens the data of a run: one function for each kind of node, then everything packed into batches. */
import { resolve } from 'node:path';
import { closeAll, closeOnThrow } from '../core/closing.ts';
import { CounterRandom } from '../core/counter-random.ts';
import { UsageError } from '../core/errors.ts';
import { openFileSource } from '../format/file-source.ts';
import {
  checkSameVocabulary,
  type DataVocabulary,
  digest,
  openTokenShard,
  type TokenShard,
} from '../format/token-shard.ts';
import { type ChatTemplate, FALLBACK_TEMPLATE } from '../text/chat-template.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { BatchSource } from './batch.ts';
import { conversationDocuments, readConversations } from './conversations.ts';
import type {
  ConversationsNode,
  DataConfig,
  DataNode,
  KnotsNode,
  MixtureNode,
  SessionsNode,
  ShardsNode,
} from './data-node.ts';
import { type DocumentStream, shardDocuments } from './document-stream.ts';
import { JoinedSessions } from './joined-sessions.ts';
import { Mixture } from './mixture.ts';
import { PackedSource } from './packed-source.ts';
import { tokenBytesOf } from './tokenize-corpus.ts';
import { KnottedSequences } from './untie-knots.ts';

export interface OpenDataOptions {
  /** Needed for conversations and for knots. */
  readonly tokenizer?: Tokenizer | undefined;
  /** Default: the form of dots.llm1. */
  readonly template?: ChatTemplate;
  /** Where relative paths begin. */
  readonly folder: string;
  readonly signal?: AbortSignal;
}

/** A field or file of a run's data, and a value that differs where its documents do. */
export interface DataFact {
  readonly what: string;
  readonly value: string;
}

export interface OpenedData {
  readonly source: BatchSource;
  readonly vocabulary: DataVocabulary;
  /** What decides which documents come in which order; a resumed run has to have the same. */
  readonly identity: readonly DataFact[];
  /** Tokens of all parts, each once (conversations as often as an epoch has them): the length of an epoch of a single part. */
  readonly numTokens: number;
  /** Conversations that were left out because their first answer is too long. */
  readonly numTooLong: number;
  /** Conversations that lost later answers, because these are too long. */
  readonly numShortened: number;
  close(): Promise<void>;
}

/**
 * Open everything that the tree names, so that it gives batches. Throws as the readers do, and `UsageError` where a tokenizer
 * is missing or another one than that of the shards.
 */
export async function openData(config: DataConfig, options: OpenDataOptions): Promise<OpenedData> {
  return closeOnThrow(async (own) => {
    const identity: DataFact[] = [
      { what: 'data.seed', value: String(config.seed) },
      { what: 'data.sequenceLength', value: String(config.sequenceLength) },
    ];
    const context: OpenContext = { ...options, ...config, own, shards: [], identity, numStreams: 0 };
    const { documents, numTokens, numTooLong, numShortened } = await openNode(config.documents, context);
    const [first] = context.shards;
    if (first) checkSameVocabulary(context.shards);
    checkTokenizer(options.tokenizer, first);
    const tokenBytes_V = first?.tokenBytes_V ?? tokenBytesOf(requireTokenizer(options));
    return {
      source: new PackedSource(documents, { sequenceLength: config.sequenceLength, tokenBytes_V }),
      vocabulary: first ?? { name: 'the conversations', vocabSize: tokenBytes_V.length, tokenBytes_V },
      identity,
      numTokens,
      numTooLong,
      numShortened,
      close: () => closeAll(context.shards),
    };
  });
}

/** What the openers of one tree share. */
interface OpenContext extends OpenDataOptions, Omit<DataConfig, 'documents'> {
  /** Takes over a shard that was opened. */
  readonly own: Own;
  /** All that are open. */
  readonly shards: TokenShard[];
  /** Lines are added as the tree is opened. */
  readonly identity: DataFact[];
  /** Streams of the seed that are taken: each node that draws takes the next one, in the order of the tree. */
  numStreams: number;
}

interface OpenedNode extends Pick<OpenedData, 'numTokens' | 'numTooLong' | 'numShortened'> {
  readonly documents: DocumentStream;
}

function openNode(node: DataNode, context: OpenContext): Promise<OpenedNode> {
  switch (node.kind) {
    case 'shards':
      return openShardsNode(node, context);
    case 'conversations':
      return openConversations(node, context);
    case 'sessions':
      return openSessions(node, context);
    case 'mixture':
      return openMixture(node, context);
    case 'knots':
      return openKnots(node, context);
  }
}

async function openShardsNode({ files }: ShardsNode, context: OpenContext): Promise<OpenedNode> {
  const shards = await openShards(files, context.folder, context.own);
  context.shards.push(...shards);
  for (const [i, shard] of shards.entries())
    context.identity.push({ what: files[i], value: await shard.fingerprint() });
  const order = new CounterRandom(context.seed, context.numStreams++);
  const numTokens = shards.reduce((sum, shard) => sum + shard.numTokens, 0);
  return { documents: shardDocuments(shards, order), numTokens, numTooLong: 0, numShortened: 0 };
}

async function openConversations({ sets }: ConversationsNode, context: OpenContext): Promise<OpenedNode> {
  const { folder, seed, sequenceLength, signal } = context;
  const stream = context.numStreams++;
  const [order, copies] = [0, 1].map((part) => new CounterRandom(seed, stream, part));
  const set = await readConversations(
    sets.map(({ files, upsample }) => ({ files: files.map((file) => resolve(folder, file)), upsample })),
    {
      tokenizer: requireTokenizer(context),
      template: context.template ?? FALLBACK_TEMPLATE,
      maxTokens: sequenceLength,
      random: copies,
      signal,
    },
  );
  const { numTokens, numTooLong, numShortened } = set;
  const bytes = set.conversations.map(
    ({ tokens }) => new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength),
  );
  const files = sets.flatMap((one) => one.files).join(', ');
  const repeated = new Uint8Array(set.epoch.buffer, set.epoch.byteOffset, set.epoch.byteLength);
  context.identity.push({ what: files, value: await digest([...bytes, repeated]) });
  return { documents: conversationDocuments(set, order), numTokens, numTooLong, numShortened };
}

async function openSessions({ of, numSessions }: SessionsNode, context: OpenContext): Promise<OpenedNode> {
  const opened = await openNode(of, context);
  context.identity.push({ what: 'data.mix.sessions', value: String(numSessions) });
  return {
    ...opened,
    documents: new JoinedSessions(opened.documents, numSessions, context.sequenceLength),
  };
}

async function openMixture({ parts }: MixtureNode, context: OpenContext): Promise<OpenedNode> {
  const opened: (OpenedNode & { readonly weight: number })[] = [];
  for (const { of, weight } of parts) {
    opened.push({ ...(await openNode(of, context)), weight });
    context.identity.push({ what: 'data.mix.weight', value: String(weight) });
  }
  return {
    documents: new Mixture(opened),
    numTokens: opened.reduce((sum, { numTokens }) => sum + numTokens, 0),
    numTooLong: opened.reduce((sum, { numTooLong }) => sum + numTooLong, 0),
    numShortened: opened.reduce((sum, { numShortened }) => sum + numShortened, 0),
  };
}

async function openKnots({ of, kind: _, ...knots }: KnotsNode, context: OpenContext): Promise<OpenedNode> {
  const tokenizer = requireTokenizer(context);
  const opened = await openNode(of, context);
  context.identity.push({ what: 'data.knots', value: JSON.stringify(knots) });
  const stream = context.numStreams++;
  const documents = new KnottedSequences(opened.documents, {
    ...knots,
    sequenceLength: context.sequenceLength,
    random: (sequence) => new CounterRandom(context.seed, stream, sequence),
    encode: (text) => tokenizer.encode(text),
  });
  return { ...opened, documents };
}

/** Held-out text: the same tokens are measured every time. */
export interface ValidationSet {
  /** The shard's language, or its file name if it has none; as the run names it where several would have the same. */
  readonly name: string;
  /** In the order of the file; it begins at the file's beginning. */
  readonly source: BatchSource;
  readonly numTokens: number;
}

/** Held-out shards, each by itself and never shuffled. */
export async function openValidation(
  files: readonly string[],
  sequenceLength: number,
  folder: string,
): Promise<{
  readonly sets: readonly ValidationSet[];
  readonly vocabularies: readonly DataVocabulary[];
  close(): Promise<void>;
}> {
  return closeOnThrow(async (own) => {
    const shards = await openShards(files, folder, own);
    const names = shards.map(({ language, name }) => language ?? name.replace(/^.*[\\/]|\.\w+$/g, ''));
    const sets = shards.map((shard, i) => ({
      name: uniqueNames(names, files)[i],
      // Whole sequences: what is measured must not depend on the size of the batches.
      source: new PackedSource(wholeDocuments(shardDocuments([shard], undefined)), {
        sequenceLength,
        tokenBytes_V: shard.tokenBytes_V,
      }),
      numTokens: shard.numTokens,
    }));
    return { sets, vocabularies: shards, close: () => closeAll(shards) };
  });
}

/** Two sets of one name would be one row of the log: such have the names of their files, and those that are one file a number. */
function uniqueNames(names: readonly string[], files: readonly string[]): string[] {
  const isAlone = (name: string, all: readonly string[]) => all.filter((one) => one === name).length === 1;
  const better = names.map((name, i) => (isAlone(name, names) ? name : files[i]));
  return better.map((name, i) => (isAlone(name, better) ? name : `${name} (${i + 1})`));
}

function wholeDocuments(documents: DocumentStream): DocumentStream {
  return {
    next: async () => ({ ...(await documents.next()), keepWhole: true }),
    position: () => documents.position(),
    seek: (position) => documents.seek(position),
  };
}

type Own = (shard: TokenShard) => TokenShard;

async function openShards(files: readonly string[], folder: string, own: Own): Promise<TokenShard[]> {
  const shards: TokenShard[] = [];
  for (const file of files) shards.push(own(await openShard(resolve(folder, file))));
  return shards;
}

function openShard(path: string): Promise<TokenShard> {
  return closeOnThrow(async (own) => await openTokenShard(own(await openFileSource(path))));
}

function requireTokenizer({ tokenizer }: OpenDataOptions): Tokenizer {
  if (tokenizer) return tokenizer;
  throw new UsageError('Cannot open the training data: conversations and knots need a tokenizer', {
    code: 'bad-data-config',
    hint: 'name a tokenizer.json in the run',
  });
}

function checkTokenizer(tokenizer: Tokenizer | undefined, shard: TokenShard | undefined): void {
  if (!tokenizer || !shard) return;
  const tokenBytes_V = tokenBytesOf(tokenizer);
  const isSame =
    tokenBytes_V.length === shard.vocabSize &&
    tokenBytes_V.every((size, id) => size === shard.tokenBytes_V[id]);
  if (isSame) return;
  throw new UsageError(`Cannot use ${shard.name}: it was made with another tokenizer than the run names`, {
    code: 'different-tokenizers',
    hint: 'tokenize it again with the tokenizer of the run',
  });
}
