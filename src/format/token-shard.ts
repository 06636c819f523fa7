/**
 * Token shards: documents as token ids, ready to train on. Little-endian, in this order:
 *
 *   8 bytes   "DOTSTOKS"
 *   u32       length of the header
 *   header    JSON, padded with spaces up to a multiple of 8 bytes from the start of the file
 *   u16 × V   how many bytes of text each token stands for (control tokens: 0), so that bits per byte needs no tokenizer
 *   u32 × n   tokens of each document (from here on: sections start at multiples of 4)
 *   u16 or u32 × numTokens, the documents one after the other, each closed by the end token
 */
import { FormatError, UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { type ByteSink, writeAll } from './byte-sink.ts';
import type { ByteSource } from './byte-source.ts';
import { parseJson } from './json.ts';

const MAGIC = 'DOTSTOKS';
const VERSION = 1;
const MAX_HEADER_BYTES = 1 << 20;
const MAX_VOCAB_SIZE = 1 << 24;

export interface ShardFacts {
  /** Ids below this. */
  readonly vocabSize: number;
  /** The last token of every document. */
  readonly endToken: number;
  /** Of all documents. */
  readonly numTokens: number;
  readonly numDocuments: number;
  /** UTF-8 bytes of all texts. */
  readonly numBytes: number;
  /** `en`, `zh`; what figures are reported by. */
  readonly language?: string;
  /** Where the text came from, for people. */
  readonly source?: string;
}

export interface TokenShard extends ShardFacts {
  readonly name: string;
  /** Bytes of text that a token stands for, by id. */
  readonly tokenBytes_V: Uint16Array;
  /** Tokens of each document, the end token included. */
  readonly documentTokens: Uint32Array;
  /** The ids of one document. Throws `FormatError` if one is outside the vocabulary. */
  readDocument(index: number): Promise<Int32Array>;
  /** The same for equal shards; of long ones it knows the lengths of all documents and samples of their tokens. */
  fingerprint(): Promise<string>;
  close(): Promise<void>;
}

/** Collects documents and writes them as one shard; holds them in memory at the size they will have. */
export class TokenShardWriter {
  private readonly facts: Pick<ShardFacts, 'vocabSize' | 'endToken' | 'language' | 'source'>;
  private readonly tokenBytes_V: Uint16Array;
  private readonly documents: (Uint16Array | Uint32Array)[] = [];
  private numTokens = 0;
  private numBytes = 0;

  constructor(
    facts: Pick<ShardFacts, 'vocabSize' | 'endToken' | 'language' | 'source'>,
    tokenBytes_V: Uint16Array,
  ) {
    this.facts = facts;
    this.tokenBytes_V = tokenBytes_V;
  }

  get size(): { readonly numDocuments: number; readonly numTokens: number; readonly numBytes: number } {
    return { numDocuments: this.documents.length, numTokens: this.numTokens, numBytes: this.numBytes };
  }

  /** Add a document without its end token; `numBytes` is the UTF-8 length of its text. */
  add(tokens: ArrayLike<number>, numBytes: number): void {
    const Ids = this.facts.vocabSize <= 1 << 16 ? Uint16Array : Uint32Array;
    const document = new Ids(tokens.length + 1);
    document.set(tokens);
    document[tokens.length] = this.facts.endToken;
    this.documents.push(document);
    this.numTokens += document.length;
    this.numBytes += numBytes;
  }

  get sizeBytes(): number {
    const layout = layoutOf(this.headerLength(), this.allFacts());
    return layout.end;
  }

  /** Write everything and put the file in place. */
  async finish(sink: ByteSink): Promise<void> {
    const facts = this.allFacts();
    const header = headerBytes(facts);
    const layout = layoutOf(header.length, facts);
    const front = new Uint8Array(layout.tokens);
    front.set(new TextEncoder().encode(MAGIC));
    new DataView(front.buffer).setUint32(8, header.length, true);
    front.set(header, 12);
    front.set(littleEndian(this.tokenBytes_V), layout.tokenBytes);
    const counts = Uint32Array.from(this.documents, (document) => document.length);
    front.set(littleEndian(counts), layout.documentTokens);
    await writeAll(sink, this.pieces(front));
  }

  private *pieces(front: Uint8Array): Generator<Uint8Array> {
    yield front;
    for (const document of this.documents) yield littleEndian(document);
  }

  private allFacts(): ShardFacts {
    return { ...this.facts, ...this.size };
  }

  private headerLength(): number {
    return headerBytes(this.allFacts()).length;
  }
}

function headerBytes(facts: ShardFacts): Uint8Array {
  const text = JSON.stringify({ version: VERSION, ...facts });
  const bytes = new TextEncoder().encode(text);
  const padded = new Uint8Array(Math.ceil((12 + bytes.length) / 8) * 8 - 12).fill(32);
  padded.set(bytes);
  return padded;
}

interface Layout {
  readonly tokenBytes: number;
  readonly documentTokens: number;
  readonly tokens: number;
  readonly end: number;
}

function layoutOf(headerLength: number, facts: ShardFacts): Layout {
  const tokenBytes = 12 + headerLength;
  const documentTokens = tokenBytes + Math.ceil(facts.vocabSize / 2) * 4;
  const tokens = documentTokens + facts.numDocuments * 4;
  return { tokenBytes, documentTokens, tokens, end: tokens + facts.numTokens * idBytes(facts.vocabSize) };
}

function idBytes(vocabSize: number): number {
  return vocabSize <= 1 << 16 ? 2 : 4;
}

/** Open a shard; documents are read when they are needed. Any bytes give a shard or a `FormatError`. */
export async function openTokenShard(source: ByteSource): Promise<TokenShard> {
  const start = await source.read(0, Math.min(12, source.size));
  if (start.length < 12 || new TextDecoder('latin1').decode(start.subarray(0, 8)) !== MAGIC) {
    throw damaged(source, 'a token shard, which begins with DOTSTOKS', 'other bytes');
  }
  const headerLength = viewOf(start).getUint32(8, true);
  if (headerLength > MAX_HEADER_BYTES || 12 + headerLength > source.size) {
    throw damaged(source, 'a header inside the file', `one of ${formatCount(headerLength)} bytes`);
  }
  const facts = readFacts(source, parseJson(await source.read(12, headerLength), `header of ${source.name}`));
  const layout = layoutOf(headerLength, facts);
  if (layout.end !== source.size) {
    throw damaged(
      source,
      `${formatCount(layout.end)} bytes for ${formatCount(facts.numTokens)} tokens of ${formatCount(facts.numDocuments)} documents`,
      `${formatCount(source.size)} bytes`,
    );
  }
  if (facts.numTokens === 0) {
    throw new FormatError(`Cannot use ${source.name}: the shard holds no documents`, {
      code: 'empty-shard',
      hint: 'tokenize a file that has text in it',
    });
  }
  const tokenBytes_V = new Uint16Array(facts.vocabSize);
  const bytesView = viewOf(await source.read(layout.tokenBytes, facts.vocabSize * 2));
  for (let id = 0; id < facts.vocabSize; id++) tokenBytes_V[id] = bytesView.getUint16(id * 2, true);

  const documentTokens = new Uint32Array(facts.numDocuments);
  const countsView = viewOf(await source.read(layout.documentTokens, facts.numDocuments * 4));
  const starts = new Float64Array(facts.numDocuments);
  let total = 0;
  for (let i = 0; i < facts.numDocuments; i++) {
    documentTokens[i] = countsView.getUint32(i * 4, true);
    starts[i] = total;
    total += documentTokens[i];
    if (documentTokens[i] === 0) throw damaged(source, 'documents with tokens', `none in document ${i}`);
  }
  if (total !== facts.numTokens) {
    throw damaged(source, `documents of ${formatCount(facts.numTokens)} tokens together`, formatCount(total));
  }
  const width = idBytes(facts.vocabSize);
  return {
    ...facts,
    name: source.name,
    tokenBytes_V,
    documentTokens,
    async readDocument(index) {
      const length = documentTokens[index];
      const view = viewOf(await source.read(layout.tokens + starts[index] * width, length * width));
      const ids = new Int32Array(length);
      for (let i = 0; i < length; i++) {
        const id = width === 2 ? view.getUint16(i * 2, true) : view.getUint32(i * 4, true);
        if (id >= facts.vocabSize) {
          throw damaged(
            source,
            `token ids below ${formatCount(facts.vocabSize)}`,
            `${formatCount(id)} in document ${formatCount(index)}`,
          );
        }
        ids[i] = id;
      }
      return ids;
    },
    fingerprint: () => fingerprint(source, layout.tokens),
    close: () => source.close(),
  };
}

const SAMPLES = 64;
const SAMPLE_BYTES = 4096;

async function fingerprint(source: ByteSource, start: number): Promise<string> {
  const parts = [await source.read(0, start)];
  const step = Math.max(SAMPLE_BYTES, (source.size - start) / SAMPLES);
  for (let at = start; at < source.size; at += step) {
    const from = Math.floor(at);
    parts.push(await source.read(from, Math.min(SAMPLE_BYTES, source.size - from)));
  }
  return digest(parts);
}

/** SHA-256 of all of them, one after the other, in hexadecimal; half of it is enough to recognise data. */
export async function digest(parts: readonly Uint8Array[]): Promise<string> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.length;
  }
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', whole));
  return Array.from(bytes.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function readFacts(source: ByteSource, header: unknown): ShardFacts {
  const fields = (typeof header === 'object' && header !== null ? header : {}) as Record<string, unknown>;
  if (fields.version !== VERSION) {
    throw damaged(source, `version ${VERSION} of the format`, JSON.stringify(fields.version ?? null));
  }
  const count = (name: keyof ShardFacts, limit: number): number => {
    const value = fields[name];
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= limit) return value;
    throw damaged(source, `a count "${name}" in the header`, JSON.stringify(value ?? null));
  };
  const text = (name: keyof ShardFacts) => (typeof fields[name] === 'string' ? { [name]: fields[name] } : {});
  const vocabSize = count('vocabSize', MAX_VOCAB_SIZE);
  return {
    vocabSize,
    endToken: count('endToken', Math.max(0, vocabSize - 1)),
    numTokens: count('numTokens', source.size),
    numDocuments: count('numDocuments', source.size),
    numBytes: count('numBytes', Number.MAX_SAFE_INTEGER),
    ...text('language'),
    ...text('source'),
  };
}

/** What data was made with: a shard has it, and so has a tokenizer. */
export interface DataVocabulary {
  readonly name: string;
  readonly vocabSize: number;
  readonly endToken?: number;
  readonly tokenBytes_V: Uint16Array;
}

/** Throws `UsageError` unless all were made with one vocabulary. */
export function checkSameVocabulary(shards: readonly DataVocabulary[]): void {
  const [first] = shards;
  for (const shard of shards) {
    const isSame =
      shard.vocabSize === first.vocabSize &&
      (shard.endToken ?? first.endToken) === (first.endToken ?? shard.endToken) &&
      shard.tokenBytes_V.every((size, id) => size === first.tokenBytes_V[id]);
    if (isSame) continue;
    throw new UsageError(`Cannot mix ${first.name} and ${shard.name}: their tokenizers differ`, {
      code: 'different-tokenizers',
      hint: 'tokenize both with the same tokenizer',
    });
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The array's bytes in file order. Every machine that runs JavaScript engines of today is little-endian. */
function littleEndian(array: Uint16Array | Uint32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function damaged(source: ByteSource, expected: string, found: string): FormatError {
  return new FormatError(
    `Cannot read ${source.name} as a token shard: expected ${expected}, found ${found}`,
    {
      code: 'bad-shard',
      hint: 'make it again with "dots data tokenize"',
      expected,
      found,
    },
  );
}
