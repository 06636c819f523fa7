/** Text in JSON lines -> a token shard. */
import { stat } from 'node:fs/promises';
import { FormatError, UnsupportedError, UsageError } from '../core/errors.ts';
import { createFileSink } from '../format/file-source.ts';
import { TokenShardWriter } from '../format/token-shard.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { readJsonLines, textField } from './json-lines.ts';

export interface TokenizeCorpusOptions {
  readonly files: readonly string[];
  readonly tokenizer: Tokenizer;
  readonly out: string;
  /** The field that holds the text. Default `text`. */
  readonly field?: string;
  /** Keep documents whose field `source` this matches, and no others. */
  readonly source?: RegExp;
  /** Stop after the document that reaches this many tokens. Default: no limit. */
  readonly maxTokens?: number;
  /** Written into the shard; figures are reported by it. */
  readonly language?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

export interface TokenizeCorpusResult {
  readonly documents: number;
  readonly tokens: number;
  /** UTF-8 bytes of the texts. */
  readonly bytes: number;
  readonly bytesPerToken: number;
}

/**
 * Tokenize the documents of `files` in order into one shard, which replaces `out` only when it is complete. Documents with
 * an empty text are left out. Throws as `readJsonLines`; `FormatError` (`empty-corpus`) when no document is left.
 */
export async function tokenizeCorpus(options: TokenizeCorpusOptions): Promise<TokenizeCorpusResult> {
  const { files, tokenizer, out, signal } = options;
  const maxTokens = options.maxTokens ?? Number.POSITIVE_INFINITY;
  const writer = new TokenShardWriter(
    {
      vocabSize: tokenizer.vocabSize,
      endToken: endTokenOf(tokenizer),
      ...(options.language !== undefined && { language: options.language }),
      source: files.map((file) => file.replace(/^.*[\\/]/, '')).join(' '),
    },
    tokenBytesOf(tokenizer),
  );
  const sizes = await Promise.all(
    files.map(async (file) => (await stat(file).catch(() => undefined))?.size ?? 0),
  );
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0);
  let before = 0;
  for (const [i, file] of files.entries()) {
    const onBytes = (done: number) => options.onProgress?.(before + done, totalBytes);
    for await (const document of readJsonLines(file, { signal, onBytes })) {
      const text = textField(document, options.field ?? 'text', file);
      if (text === '' || (options.source && !options.source.test(String(document.fields.source ?? ''))))
        continue;
      writer.add(tokenizer.encode(text), Buffer.byteLength(text));
      if (writer.size.numTokens >= maxTokens) break;
    }
    if (writer.size.numTokens >= maxTokens) break;
    before += sizes[i];
  }
  const { numDocuments, numTokens, numBytes } = writer.size;
  if (numDocuments === 0) {
    throw new FormatError(`Cannot make ${out}: no document of ${files.join(', ')} is left`, {
      code: 'empty-corpus',
      hint: options.source ? 'check --source: it matches none of them' : 'all texts are empty',
    });
  }
  await writer.finish(await createFileSink(out, writer.sizeBytes));
  return {
    documents: numDocuments,
    tokens: numTokens,
    bytes: numBytes,
    bytesPerToken: numBytes / (numTokens - numDocuments),
  };
}

/** What closes a document. Throws `UnsupportedError` for a tokenizer without an end token. */
export function endTokenOf(tokenizer: Tokenizer): number {
  const end = tokenizer.idOf('<|endoftext|>') ?? tokenizer.special.eos[0];
  if (end !== undefined) return end;
  throw new UnsupportedError('Cannot mark the ends of documents: the tokenizer has no end token', {
    code: 'no-end-token',
    hint: 'use a tokenizer with <|endoftext|>, such as "dots tokenizer train" makes',
  });
}

/** Bytes of text that each token stands for; 0 for control tokens and padding. */
export function tokenBytesOf(tokenizer: Tokenizer): Uint16Array {
  const tokenBytes_V = new Uint16Array(tokenizer.vocabSize);
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    if (tokenizer.isControl(id) || tokenizer.isUnused(id)) continue;
    const { length } = tokenizer.decodeBytes(id);
    if (length > 0xffff) {
      throw new UsageError(`Cannot use a tokenizer with a token of ${length} bytes`, {
        code: 'token-too-long',
        hint: 'train the tokenizer with --max-token-length',
      });
    }
    tokenBytes_V[id] = length;
  }
  return tokenBytes_V;
}
