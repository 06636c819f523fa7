/**
 * A collection of importance in a folder next to the output: hidden states of any length of text, and every finished segment,
 * so that a run that was killed continues. One file has the hidden states that are read and another those that are written;
 * `state.json` names the finished segments, and is replaced after what it names has reached the disk.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FormatError, ResourceError, UsageError } from '../core/errors.ts';
import { type ByteSink, writeAll } from '../format/byte-sink.ts';
import type { ByteSource } from '../format/byte-source.ts';
import { createFileSink, openFileSource } from '../format/file-source.ts';
import type { CollectionStore, ImportanceEntries } from './collection-store.ts';
import { openImportance, writeImportance } from './importance-files.ts';
import type { ImportanceEntry } from './importance-matrix.ts';

/** What the numbers follow from, by what errors call it: where one differs, a run is not continued. */
export type CollectionIdentity = Readonly<Record<string, string>>;

interface State {
  readonly identity: CollectionIdentity;
  readonly doneSegments: number;
  /** SHA-256 of the hidden states that the next segment reads. */
  readonly hiddenSha256: string;
}

const BYTES_PER_FLOAT = 4;
const OWN_FILE = /^(?:state\.json|sums-\d+\.gguf|hidden-\d+\.f32)(?:\.partial)?$/;

export class CollectionFolder implements CollectionStore {
  readonly entries = new Map<string, ImportanceEntry>();
  doneSegments = 0;
  private readonly path: string;
  private readonly identity: CollectionIdentity;
  /** Where each batch begins, in bytes, and where the last one ends. */
  private readonly borders: readonly number[];
  private source: ByteSource | undefined;
  private sink: ByteSink | undefined;
  private hash = createHash('sha256');

  private constructor(path: string, identity: CollectionIdentity, borders: readonly number[]) {
    this.path = path;
    this.identity = identity;
    this.borders = borders;
  }

  /**
   * Opens `path`, or makes it. `batchFloats`: the size of the hidden states of each batch. Throws `UsageError`
   * (`other-collection`) where another run left the folder, `FormatError` (`damaged-collection`) where it is damaged, both
   * unless `startAnew` is set, which deletes such a folder.
   */
  static async open(
    path: string,
    identity: CollectionIdentity,
    batchFloats: readonly number[],
    startAnew = false,
  ): Promise<CollectionFolder> {
    const borders = [0];
    for (const floats of batchFloats) borders.push(borders[borders.length - 1] + BYTES_PER_FLOAT * floats);
    const folder = new CollectionFolder(path, identity, borders);
    await mkdir(path, { recursive: true }).catch((error: unknown) => {
      throw new ResourceError(`Cannot make the folder ${path}: ${(error as Error).message}`, {
        code: 'unwritable-file',
        hint: 'check that the disk has room and that you may write there',
        cause: error,
      });
    });
    try {
      await folder.resume();
    } catch (error) {
      await folder.close();
      if (!startAnew) throw error;
      await folder.removeFiles();
      folder.entries.clear();
    }
    return folder;
  }

  async read(batch: number): Promise<Float32Array> {
    this.source ??= await openFileSource(this.hiddenFile(this.doneSegments));
    const start = this.borders[batch];
    const bytes = await this.source.read(start, this.borders[batch + 1] - start);
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / BYTES_PER_FLOAT);
  }

  async write(h_TD: Float32Array): Promise<void> {
    const sizeBytes = this.borders[this.borders.length - 1];
    this.sink ??= await createFileSink(this.hiddenFile(this.doneSegments + 1), sizeBytes);
    const bytes = new Uint8Array(h_TD.buffer, h_TD.byteOffset, h_TD.byteLength);
    this.hash.update(bytes);
    await this.sink.write(bytes);
  }

  async finishSegment(entries: ImportanceEntries): Promise<void> {
    await this.sink?.finish();
    const next = this.doneSegments + 1;
    await writeImportance(this.sumsFile(next), {
      origin: this.sumsFile(next),
      datasets: [],
      numChunks: 0,
      chunkTokens: 0,
      entries,
    });
    const state: State = {
      identity: this.identity,
      doneSegments: next,
      hiddenSha256: this.hash.digest('hex'),
    };
    const bytes = new TextEncoder().encode(JSON.stringify(state));
    await writeAll(await createFileSink(this.stateFile, bytes.length), [bytes]);
    for (const [name, entry] of entries) this.entries.set(name, entry);
    await this.source?.close();
    await rm(this.hiddenFile(this.doneSegments), { force: true });
    this.doneSegments = next;
    this.source = undefined;
    this.sink = undefined;
    this.hash = createHash('sha256');
  }

  /** Keeps what is done; the half of a segment goes. A folder without any finished segment goes with it. */
  async close(): Promise<void> {
    await this.source?.close();
    await this.sink?.discard();
    this.source = undefined;
    this.sink = undefined;
    if (this.doneSegments === 0 && !(await readdir(this.path)).includes('state.json')) await this.remove();
  }

  /** The folder goes too, unless somebody else put something there. */
  async remove(): Promise<void> {
    await this.removeFiles();
    await rmdir(this.path).catch(() => undefined);
  }

  private async removeFiles(): Promise<void> {
    for (const name of await readdir(this.path)) if (OWN_FILE.test(name)) await rm(join(this.path, name));
  }

  private async resume(): Promise<void> {
    const text = await readFile(this.stateFile, 'utf8').catch(() => undefined);
    if (text === undefined) {
      // Nothing of it is known to be whole.
      await this.removeFiles();
      return;
    }
    const state = this.parseState(text);
    this.checkIdentity(state.identity);
    for (let segment = 1; segment <= state.doneSegments; segment++)
      for (const [name, entry] of (await openImportance(this.sumsFile(segment))).entries)
        this.entries.set(name, entry);
    await this.checkHidden(state);
    this.doneSegments = state.doneSegments;
  }

  private parseState(text: string): State {
    try {
      const state = JSON.parse(text) as Partial<State>;
      const { identity, doneSegments, hiddenSha256 } = state;
      if (typeof identity === 'object' && Number.isInteger(doneSegments) && typeof hiddenSha256 === 'string')
        return state as State;
    } catch {
      // As below.
    }
    throw this.damaged('state.json cannot be read');
  }

  private checkIdentity(found: CollectionIdentity): void {
    for (const [name, value] of Object.entries(this.identity)) {
      if (found[name] === value) continue;
      throw new UsageError(
        `Cannot continue ${this.path}: the ${name} was ${found[name] ?? 'not known'}, and is ${value} now`,
        {
          code: 'other-collection',
          hint: 'repeat the command that it is of; to start anew, delete the folder or use --force',
        },
      );
    }
  }

  private async checkHidden({ doneSegments, hiddenSha256 }: State): Promise<void> {
    const source = await openFileSource(this.hiddenFile(doneSegments)).catch(() => undefined);
    // The last segment leaves none.
    const hash = createHash('sha256');
    try {
      if (source?.size === this.borders[this.borders.length - 1])
        for (let i = 1; i < this.borders.length; i++) {
          const start = this.borders[i - 1];
          hash.update(await source.read(start, this.borders[i] - start));
        }
    } finally {
      await source?.close();
    }
    if (hash.digest('hex') !== hiddenSha256)
      throw this.damaged(`the hidden states after part ${doneSegments} are not those that were written`);
  }

  private damaged(what: string): FormatError {
    return new FormatError(`Cannot continue ${this.path}: ${what}`, {
      code: 'damaged-collection',
      hint: 'to start anew, delete the folder or use --force',
    });
  }

  private get stateFile(): string {
    return join(this.path, 'state.json');
  }

  private sumsFile(segment: number): string {
    return join(this.path, `sums-${segment}.gguf`);
  }

  private hiddenFile(segment: number): string {
    return join(this.path, `hidden-${segment}.f32`);
  }
}
