/** What a collection of importance has done so far: the sums of finished segments, and what came out of the last of them. */
import { InternalError } from '../core/errors.ts';
import type { ImportanceEntry } from './importance-matrix.ts';

export type ImportanceEntries = ReadonlyMap<string, ImportanceEntry>;

export interface CollectionStore {
  /** Segments that are done, from the first on. */
  readonly doneSegments: number;
  /** Of the segments that are done, by GGUF name. */
  readonly entries: ImportanceEntries;
  /** Rows [T, D] of a batch, out of the segment before; `doneSegments` is at least 1. */
  read(batch: number): Promise<Float32Array>;
  /** Rows of a batch, out of this segment; batches in order. */
  write(h_TD: Float32Array): Promise<void>;
  /** The next segment begins; what was written is what is read. */
  finishSegment(entries: ImportanceEntries): Promise<void>;
}

/** Everything in memory. */
export class ResidentStore implements CollectionStore {
  doneSegments = 0;
  readonly entries = new Map<string, ImportanceEntry>();
  private before: Float32Array[] = [];
  private written: Float32Array[] = [];

  async read(batch: number): Promise<Float32Array> {
    const h_TD = this.before[batch];
    if (!h_TD) throw new InternalError(`no hidden states of batch ${batch}`);
    return h_TD;
  }

  async write(h_TD: Float32Array): Promise<void> {
    this.written.push(h_TD);
  }

  async finishSegment(entries: ImportanceEntries): Promise<void> {
    for (const [name, entry] of entries) this.entries.set(name, entry);
    this.before = this.written;
    this.written = [];
    this.doneSegments++;
  }
}
