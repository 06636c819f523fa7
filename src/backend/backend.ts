import type { Program } from '../compile/program.ts';
import type { StorageType } from '../dtype/storage-type.ts';
import type { Bindings } from '../graph/dim.ts';
import type { StoredWeight } from '../graph/stored-weight.ts';
import type { Store, TensorSpec } from './store.ts';

/** Runs programs. Memory is already planned; a backend loads weights, runs instructions in order, and frees what it took. */
export interface Backend {
  readonly name: 'reference' | 'native';
  /** One line for people: instruction set, threads. */
  readonly description: string;
  /** Which kernels run, "native-avx512": equal programs, weights and inputs give equal bits where it is equal. */
  readonly kernelId: string;
  /** Whether there is a kernel for an op; the compiler fuses only into ops that are supported. */
  supports(op: string): boolean;
  /** Whether `LoadOptions.streaming` has an effect. */
  readonly streamsExperts: boolean;
  /** Throws `ResourceError` where memory is short, `UnsupportedError` for storage types it cannot compute with. */
  load(
    program: Program,
    weights: ReadonlyMap<string, StoredWeight>,
    options: LoadOptions,
  ): Promise<Executable>;
  /** Tensors of zeros that programs share. Throws `ResourceError` where memory is short. */
  createStore(specs: readonly TensorSpec[]): Store;
}

export interface LoadOptions {
  /** Symbols in the shapes of states, for the life of the executable: `{ P: 128 }` pages. */
  readonly stateBindings: Bindings;
  /** How cells of the key/value cache are stored: f32, f16 or q8_0. */
  readonly stateType: StorageType;
  /**
   * Every weight and every state of the program that the store has by name is the store's tensor: weights are read there,
   * states read and written. `weights` need not hold those, and `stateType` does not concern them. Throws `ShapeError`
   * where shapes differ. The store must stay open while the executable is, and be one that this backend created.
   */
  readonly store?: Store;
  /** Experts are read from the file when a step has chosen them; for backends that `streamsExperts`. */
  readonly streaming?: ExpertStreaming;
  readonly signal?: AbortSignal;
  /** Bytes of weights that are ready; a backend that maps files calls it in quick succession. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

export interface ExpertStreaming {
  /** Bytes of experts in memory; at least all of the largest layer. */
  readonly cacheBytes: number;
  /** `direct`: past the page cache into memory of our own; `page`: the page cache holds them. */
  readonly io: 'direct' | 'page';
}

/** What streaming did since the model was loaded. */
export interface ExpertStreamingStats {
  /** Distinct experts, counted for each layer and step, and how many of them were in memory. */
  readonly chosen: number;
  readonly held: number;
  readonly bytesRead: number;
  /** How long products waited for reads. */
  readonly waitSeconds: number;
  readonly heldBytes: number;
  readonly cacheBytes: number;
}

/** Each of the element type of the program's input: `i32` or `f32`. */
export type RunInputs = Readonly<Record<string, Int32Array | Float32Array>>;

export interface Executable {
  /**
   * Run the program once. Inputs by name, symbols bound; returns the outputs by name (all, or the requested ones), each a
   * fresh array. An output of integers comes as the same bits: `integersOf` reads them.
   * Off the JavaScript thread where the backend can. An aborted signal ends the run between instructions and throws its
   * reason; states then hold what was written so far. One run at a time.
   */
  run(
    inputs: RunInputs,
    bindings: Bindings,
    signal?: AbortSignal,
    wanted?: readonly string[],
  ): Promise<Record<string, Float32Array>>;
  /** As of the last run; undefined where no expert is streamed. */
  readonly streamingStats?: ExpertStreamingStats | undefined;
  close(): Promise<void>;
}

/** An output whose elements are integers. */
export function integersOf(output: Float32Array): Int32Array {
  return new Int32Array(output.buffer, output.byteOffset, output.length);
}
