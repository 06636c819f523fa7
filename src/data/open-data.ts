/** The `data` part of a run: what it may say, and how it becomes batches. */
import { resolve } from 'node:path';
import { UsageError } from '../core/errors.ts';
import { openFileSource } from '../format/file-source.ts';
import { checkSameVocabulary, openTokenShard, type TokenShard } from '../format/token-shard.ts';
import { type ChatTemplate, FALLBACK_TEMPLATE } from '../text/chat-template.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { BatchSource } from './batch.ts';
import { type ConversationFiles, conversationDocuments, readConversations } from './conversations.ts';
import { type DocumentStream, shardDocuments } from './document-stream.ts';
import { JoinedSessions } from './joined-sessions.ts';
import { Mixture } from './mixture.ts';
import { PackedSource } from './packed-source.ts';
import { tokenBytesOf } from './tokenize-corpus.ts';
import { KnottedSequences } from './untie-knots.ts';

export interface DataPart {
  /** Token shards of "dots data tokenize". Either these or `chat`. */
  readonly shards?: readonly string[];
  /** Files of conversations, with how often each comes in an epoch. */
  readonly chat?: readonly ConversationFiles[];
  /** Conversations that are joined into one sequence, as long as they fit. Default 1. */
  readonly sessions?: number;
  /** Share of the tokens, relative to the other parts. Default 1. */
  readonly weight?: number;
}

export interface DataConfig {
  readonly mix: readonly DataPart[];
  /** Longer documents are cut into pieces of this many tokens. */
  readonly sequenceLength: number;
  /** Order of the documents. Default 0. */
  readonly seed?: number;
  /** Long-context extension: chunks of documents knotted together (`data/untie-knots.ts`). */
  readonly knots?: {
    /** Share of the sequences that are knotted. Default 0.3. */
    readonly probability?: number;
    /** How probable 1, 2, 3… chunks of a document are. Default [0, 0.5, 0.5]. */
    readonly chunkShares?: readonly number[];
    /** Chunks of one document keep their order. Default false. */
    readonly keepOrder?: boolean;
  };
}

export interface OpenDataOptions {
  /** Needed for conversations and for knots. */
  readonly tokenizer?: Tokenizer | undefined;
  /** Default: the form of dots.llm1. */
  readonly template?: ChatTemplate;
  /** Where relative paths begin. */
  readonly folder: string;
  readonly signal?: AbortSignal;
}

export interface OpenedData {
  readonly source: BatchSource;
  readonly vocabSize: number;
  /** Tokens of all parts, each once (conversations as often as an epoch has them): the length of an epoch of a single part. */
  readonly numTokens: number;
  /** Conversations that were left out because their first answer is too long. */
  readonly numTooLong: number;
  close(): Promise<void>;
}

/** Open shards and conversations and mix them. Throws as the readers do, and `UsageError` for a configuration that contradicts itself. */
export async function openData(config: DataConfig, options: OpenDataOptions): Promise<OpenedData> {
  const { sequenceLength, seed = 0 } = config;
  if (config.mix.length === 0) throw badConfig('"mix" is empty', 'name shards or chat files in it');
  const opened: TokenShard[] = [];
  const close = async () => {
    for (const shard of opened) await shard.close();
  };
  try {
    const parts: { documents: DocumentStream; weight: number }[] = [];
    let numTokens = 0;
    let numTooLong = 0;
    for (const [i, part] of config.mix.entries()) {
      const { weight = 1, sessions = 1 } = part;
      const partSeed = seed * 1009 + i;
      if (!(weight > 0)) throw badConfig(`"weight" of part ${i + 1} is ${weight}`, 'give a number above 0');
      if ((part.shards === undefined) === (part.chat === undefined)) {
        throw badConfig(`part ${i + 1} of "mix" has to have "shards" or "chat"`, 'give one of the two');
      }
      let documents: DocumentStream;
      if (part.shards) {
        const shards = await openShards(part.shards, options.folder, opened);
        numTokens += shards.reduce((sum, shard) => sum + shard.numTokens, 0);
        documents = shardDocuments(shards, partSeed);
      } else {
        const set = await readConversations(
          (part.chat ?? []).map((files) => ({
            ...files,
            files: files.files.map((file) => resolve(options.folder, file)),
          })),
          {
            tokenizer: requireTokenizer(options),
            template: options.template ?? FALLBACK_TEMPLATE,
            maxTokens: sequenceLength,
            seed: partSeed,
            signal: options.signal,
          },
        );
        numTokens += set.numTokens;
        numTooLong += set.numTooLong;
        documents = conversationDocuments(set, partSeed);
        if (sessions > 1) documents = new JoinedSessions(documents, sessions, sequenceLength);
      }
      parts.push({ documents, weight });
    }
    if (opened.length > 0) checkSameVocabulary(opened);
    const tokenBytes_V = opened[0]?.tokenBytes_V ?? tokenBytesOf(requireTokenizer(options));
    checkTokenizer(options.tokenizer, opened[0]);
    let documents: DocumentStream = parts.length === 1 ? parts[0].documents : new Mixture(parts);
    if (config.knots) {
      const { probability = 0.3, chunkShares = [0, 0.5, 0.5], keepOrder = false } = config.knots;
      const tokenizer = requireTokenizer(options);
      const encode = (text: string) => tokenizer.encode(text);
      documents = new KnottedSequences(documents, {
        sequenceLength,
        probability,
        chunkShares,
        keepOrder,
        seed,
        encode,
      });
    }
    return {
      source: new PackedSource(documents, { sequenceLength, tokenBytes_V }),
      vocabSize: tokenBytes_V.length,
      numTokens,
      numTooLong,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Held-out text: the same tokens are measured every time. */
export interface ValidationSet {
  /** The shard's language, or its file name if it has none. */
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
): Promise<{ readonly sets: readonly ValidationSet[]; close(): Promise<void> }> {
  const opened: TokenShard[] = [];
  const close = async () => {
    for (const shard of opened) await shard.close();
  };
  try {
    const shards = await openShards(files, folder, opened);
    if (shards.length > 0) checkSameVocabulary(shards);
    const sets = shards.map((shard) => ({
      name: shard.language ?? shard.name.replace(/^.*[\\/]/, '').replace(/\.\w+$/, ''),
      source: new PackedSource(shardDocuments([shard], undefined), {
        sequenceLength,
        tokenBytes_V: shard.tokenBytes_V,
      }),
      numTokens: shard.numTokens,
    }));
    return { sets, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openShards(
  files: readonly string[],
  folder: string,
  opened: TokenShard[],
): Promise<TokenShard[]> {
  const shards: TokenShard[] = [];
  for (const file of files) {
    const source = await openFileSource(resolve(folder, file));
    const shard = await openTokenShard(source).catch(async (error: unknown) => {
      await source.close();
      throw error;
    });
    opened.push(shard);
    shards.push(shard);
  }
  return shards;
}

function requireTokenizer(options: OpenDataOptions): Tokenizer {
  if (options.tokenizer) return options.tokenizer;
  throw badConfig('conversations and knots need a tokenizer', 'name a tokenizer.json in the run');
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

function badConfig(found: string, hint: string): UsageError {
  return new UsageError(`Cannot open the training data: ${found}`, { code: 'bad-data-config', hint });
}
