/** Documents to train on, one after the other, without end. */
import type { CounterRandom } from '../core/counter-random.ts';
import { FormatError } from '../core/errors.ts';
import type { JsonValue } from '../format/json.ts';
import type { TokenShard } from '../format/token-shard.ts';

export interface TrainingDocument {
  /** Token ids. */
  readonly tokens: Int32Array;
  /** For each token, 1 where it counts as a target of the loss, else 0. Absent: all count. */
  readonly lossMask?: Uint8Array;
  /** Not to be cut where a batch ends: its later part means little without the earlier one. */
  readonly keepWhole?: boolean;
}

/** The same position gives the same documents again. */
export interface DocumentStream {
  next(): Promise<TrainingDocument>;
  /** Position of the next document. */
  position(): JsonValue;
  /** Throws `FormatError` for a position of another stream. */
  seek(position: JsonValue): Promise<void>;
}

/**
 * Documents that can be had by number, in a new order for each epoch; the order depends on the stream and the epoch alone.
 * Without a stream they come as they lie.
 */
export class ShuffledDocuments implements DocumentStream {
  readonly numDocuments: number;
  private readonly read: (index: number) => Promise<TrainingDocument>;
  private readonly random: CounterRandom | undefined;
  private epoch = 0;
  private index = 0;
  private order: Uint32Array;

  constructor(
    numDocuments: number,
    read: (index: number) => Promise<TrainingDocument>,
    random: CounterRandom | undefined,
  ) {
    this.numDocuments = numDocuments;
    this.read = read;
    this.random = random;
    this.order = this.orderOf(0);
  }

  async next(): Promise<TrainingDocument> {
    if (this.index === this.numDocuments) this.goTo(this.epoch + 1, 0);
    return await this.read(this.order[this.index++]);
  }

  position(): JsonValue {
    return { epoch: this.epoch, document: this.index, of: this.numDocuments };
  }

  async seek(position: JsonValue): Promise<void> {
    const { epoch, document, of } = numbersOf(position, ['epoch', 'document', 'of']);
    if (of !== this.numDocuments || document > of) {
      throw wrongPosition(`it counts ${of} documents, there are ${this.numDocuments}`);
    }
    this.goTo(epoch, document);
  }

  private goTo(epoch: number, index: number): void {
    if (epoch !== this.epoch) this.order = this.orderOf(epoch);
    this.epoch = epoch;
    this.index = index;
  }

  private orderOf(epoch: number): Uint32Array {
    const order = Uint32Array.from({ length: this.numDocuments }, (_, i) => i);
    // An epoch has as many draws of the stream as there are documents, so none is that of another epoch.
    this.random?.drawsFrom(epoch * this.numDocuments).shuffle(order);
    return order;
  }
}

/** All documents of some shards. */
export function shardDocuments(
  shards: readonly TokenShard[],
  random: CounterRandom | undefined,
): ShuffledDocuments {
  const starts: number[] = [];
  let numDocuments = 0;
  for (const shard of shards) {
    starts.push(numDocuments);
    numDocuments += shard.numDocuments;
  }
  const read = async (index: number): Promise<TrainingDocument> => {
    let i = starts.length - 1;
    while (starts[i] > index) i--;
    return { tokens: await shards[i].readDocument(index - starts[i]) };
  };
  return new ShuffledDocuments(numDocuments, read, random);
}

/** Fields of a position that have to be counts. */
export function numbersOf<Name extends string>(
  position: JsonValue,
  names: readonly Name[],
): Record<Name, number> {
  const fields = (typeof position === 'object' && position !== null ? position : {}) as Record<
    string,
    unknown
  >;
  for (const name of names) {
    const value = fields[name];
    if (!Number.isSafeInteger(value) || (value as number) < 0)
      throw wrongPosition(`it has no count "${name}"`);
  }
  return fields as Record<Name, number>;
}

export function wrongPosition(found: string): FormatError {
  return new FormatError(`Cannot resume: the position belongs to other data (${found})`, {
    code: 'wrong-position',
    hint: 'resume with the data files that the run started with',
  });
}
