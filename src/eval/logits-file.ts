/**
 * A model's predictions in a file, to compare others with them without loading it again. Each row has the log-probabilities
 * of all tokens in 16 bits, 0 to −30 nats: a divergence that is computed from them is right to about 1e-7.
 *
 * Layout, little-endian: the letters DOTSLOGP, u32 version 1, u32 bytes of a JSON header, the header (vocabulary, context, model,
 * digest of the token ids and of their places), then rows of u16[vocabulary] in the order in which text is scored.
 */
import { FormatError, UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { ByteSink } from '../format/byte-sink.ts';
import type { ByteSource } from '../format/byte-source.ts';
import { logSumExp } from './perplexity.ts';

const MAGIC = 'DOTSLOGP';
const VERSION = 1;
const LOWEST = -30;
const STEP = -LOWEST / 65_535;
const START_BYTES = 16;

/** What must be the same for rows to belong together. */
export interface LogitsHeader {
  readonly model: string;
  readonly vocabSize: number;
  readonly contextTokens: number;
  readonly rows: number;
  /** SHA-256 of all token ids. */
  readonly text: string;
}

export class LogitsWriter {
  private readonly sink: ByteSink;
  private readonly row: Uint16Array;

  private constructor(sink: ByteSink, vocabSize: number) {
    this.sink = sink;
    this.row = new Uint16Array(vocabSize);
  }

  static async begin(sink: ByteSink, header: LogitsHeader): Promise<LogitsWriter> {
    await sink.write(headerBytes(header));
    return new LogitsWriter(sink, header.vocabSize);
  }

  async write(logits_V: Float32Array): Promise<void> {
    const logSum = logSumExp(logits_V);
    for (const [i, logit] of logits_V.entries())
      this.row[i] = Math.min(65_535, Math.round((logSum - logit) / STEP));
    await this.sink.write(new Uint8Array(this.row.buffer));
  }
}

export function fileBytes(header: LogitsHeader): number {
  return headerBytes(header).length + 2 * header.vocabSize * header.rows;
}

function headerBytes(header: LogitsHeader): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(START_BYTES + text.length);
  bytes.set(new TextEncoder().encode(MAGIC));
  new DataView(bytes.buffer).setUint32(8, VERSION, true);
  new DataView(bytes.buffer).setUint32(12, text.length, true);
  bytes.set(text, START_BYTES);
  return bytes;
}

export class LogitsReader {
  readonly header: LogitsHeader;
  private readonly source: ByteSource;
  private next: number;

  private constructor(source: ByteSource, header: LogitsHeader, dataOffset: number) {
    this.source = source;
    this.header = header;
    this.next = dataOffset;
  }

  /** Throws `FormatError` for another kind of file, and for one that was cut. */
  static async open(source: ByteSource): Promise<LogitsReader> {
    const start =
      source.size >= START_BYTES ? await source.read(0, START_BYTES) : new Uint8Array(START_BYTES);
    const view = new DataView(start.buffer, start.byteOffset);
    if (new TextDecoder().decode(start.subarray(0, 8)) !== MAGIC || view.getUint32(8, true) !== VERSION) {
      throw new FormatError(`Cannot read ${source.name}: it does not hold the predictions of a model`, {
        code: 'not-logits',
        hint: 'give a file that `dots perplexity --save-logits` wrote',
      });
    }
    const length = view.getUint32(12, true);
    const header = await readHeader(source, length);
    const expected = START_BYTES + length + 2 * header.vocabSize * header.rows;
    if (source.size === expected) return new LogitsReader(source, header, START_BYTES + length);
    throw new FormatError(
      `Cannot read ${source.name}: it has ${formatCount(source.size)} bytes, expected ${formatCount(expected)}`,
      { code: 'truncated-file', hint: 'write it again with `dots perplexity --save-logits`' },
    );
  }

  /** Throws `UsageError` unless the rows are those of this text, read in the same windows. */
  check({ vocabSize, contextTokens, text }: Omit<LogitsHeader, 'model' | 'rows'>): void {
    const { header } = this;
    const found =
      header.vocabSize !== vocabSize
        ? `${formatCount(header.vocabSize)} tokens in the vocabulary, not ${formatCount(vocabSize)}`
        : header.text !== text
          ? 'the predictions for another text'
          : header.contextTokens !== contextTokens
            ? `windows of ${formatCount(header.contextTokens)} tokens, not ${formatCount(contextTokens)}`
            : undefined;
    if (found === undefined) return;
    throw new UsageError(`Cannot compare with ${this.source.name}: it has ${found}`, {
      code: 'other-logits',
      hint: 'give the same --file and --ctx as when it was written, and a model of the same vocabulary',
    });
  }

  /** Log-probabilities of the next row, up to a constant. */
  async read(): Promise<Float32Array> {
    const { vocabSize } = this.header;
    const bytes = await this.source.read(this.next, 2 * vocabSize);
    this.next += 2 * vocabSize;
    const row = new Float32Array(vocabSize);
    for (let i = 0; i < vocabSize; i++) row[i] = -STEP * (bytes[2 * i] | (bytes[2 * i + 1] << 8));
    return row;
  }
}

async function readHeader(source: ByteSource, length: number): Promise<LogitsHeader> {
  try {
    if (length > 1 << 16) throw new RangeError('the header is too long');
    const header = JSON.parse(new TextDecoder().decode(await source.read(START_BYTES, length)));
    const { vocabSize, rows } = header;
    if (Number.isSafeInteger(vocabSize) && vocabSize > 0 && Number.isSafeInteger(rows) && rows >= 0)
      return header;
    throw new RangeError('the header lacks the sizes');
  } catch (cause) {
    throw new FormatError(`Cannot read ${source.name}: its header is damaged`, {
      code: 'bad-logits',
      hint: 'write it again with `dots perplexity --save-logits`',
      cause,
    });
  }
}
