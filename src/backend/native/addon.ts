import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import { UnsupportedError } from '../../core/errors.ts';

/** The version of `NativeAddon` that this JavaScript calls. Raise it here and in `native/addon/addon.cc` when a function changes. */
const INTERFACE_VERSION = 3;

/** What `native/addon/addon.cc` exports. Every function throws a `NativeError` for arguments of another kind. */
export interface NativeAddon {
  readonly interfaceVersion: number;
  load(
    words: Int32Array,
    constants: Float64Array,
    weights: readonly NativeWeight[],
    states: readonly NativeState[],
    device: NativeDevice,
    /** Experts are read when they are chosen; `direct`: 1 into memory of our own, 0 through the page cache. */
    streaming?: { readonly cacheBytes: number; readonly direct: 0 | 1; readonly readers: number },
  ): NativeHandle;
  /** Takes the indices of outputs. */
  run(
    handle: NativeHandle,
    inputs: readonly (Int32Array | Float32Array)[],
    bindings: Int32Array,
    wanted: Int32Array,
  ): Promise<Float32Array[]>;
  /** Rows of `numCols` values as a storage type with block scales. `importance` has a weight for each column. */
  encode(
    ggmlType: number,
    values: Float32Array,
    numCols: number,
    importance: Float32Array | undefined,
    device: NativeDevice,
  ): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * The least value of each hash function over the shingles of a text whose tokens single spaces separate: 32-bit words,
   * little-endian. Flips and multipliers are one word for each function, a multiple of 64 of them.
   */
  minhash(
    tokens: Uint8Array,
    shingleTokens: number,
    flips: Int32Array,
    multipliers: Int32Array,
    device: NativeDevice,
  ): Uint8Array<ArrayBuffer>;
  /** The hashes of its shingles, each once, as rising 64-bit words, little-endian. */
  shingles(tokens: Uint8Array, shingleTokens: number): Uint8Array<ArrayBuffer>;
  /** Zeros, 64-byte aligned, on huge pages where the system has them; freed by `free` or by the collector. */
  allocate(sizeBytes: number): ArrayBuffer;
  /** Takes the buffer from JavaScript: its length is 0 from then on. Handles that work in its memory keep that. */
  free(buffer: ArrayBuffer): void;
  /** Seconds of each instruction, all runs together; products that ran as one loop count for the first. */
  seconds(handle: NativeHandle): Float64Array;
  /** Experts chosen, of them held, bytes read, seconds waited, bytes held, budget; empty where none is streamed. */
  expertStats(handle: NativeHandle): Float64Array;
  cancel(handle: NativeHandle): void;
  close(handle: NativeHandle): void;
  /** The instruction sets that this machine runs, from the plainest to the best. */
  isas(): string[];
  /** An instruction set and threads, for any number of programs; they end with the last program and the handle. */
  openDevice(isa: string, numThreads: number): NativeDevice;
  /** Per second, measured: bytes read from memory, f32 multiply-adds, 8-bit multiply-adds. */
  limits(device: NativeDevice): number[];
  activationKind(ggmlType: number): number;
  activationRowBytes(kind: number, numCols: number): number;
}

/** What the addon throws (`native/error.h`): one line for people, or, with `format`, the path of the file that changed. */
export interface NativeError extends Error {
  readonly code:
    | 'bad-argument'
    | 'closed'
    | 'internal'
    | 'format'
    | 'unsupported'
    | 'read'
    | 'resource'
    | 'cancelled';
}

export type NativeDevice = { readonly __brand: 'native-device' };
export type NativeHandle = { readonly __brand: 'native-handle' };

export interface NativeWeight {
  readonly type: number;
  readonly shape: readonly number[];
  readonly parts: readonly (
    | { readonly sizeBytes: number; readonly bytes: Uint8Array }
    | { readonly sizeBytes: number; readonly path: string; readonly offset: number }
    /** In memory of `allocate`, which stays while the handle is open. */
    | { readonly sizeBytes: number; readonly floats: Float32Array }
  )[];
}

export interface NativeState {
  /** 0 f32, 1 f16, 2 q8_0 */
  readonly type: number;
  readonly shape: readonly number[];
  /** A tensor of a store instead of a cache, in memory of `allocate`. */
  readonly floats?: Float32Array;
}

/** The instruction set that programs run on unless another one is requested. */
export function bestIsa(addon: NativeAddon): string {
  return addon.isas().at(-1) as string;
}

const require = createRequire(import.meta.url);

/**
 * The addon as built here by `npm ci`, or as a prebuilt platform package brought it. Undefined where there is neither;
 * `why` then says what was looked for. Throws `UnsupportedError` for one that other sources made.
 */
export function loadAddon(): { addon: NativeAddon } | { addon: undefined; why: string } {
  // Both src/backend/native/ and dist/backend/native/ lie three folders below the package.
  const built = fileURLToPath(new URL('../../../native/build/dots.node', import.meta.url));
  if (existsSync(built)) {
    let exported: unknown;
    try {
      exported = require(built);
    } catch (error) {
      return { addon: undefined, why: `${built} does not load: ${(error as Error).message}` };
    }
    return { addon: checkVersion(exported, 'native/build/dots.node', 'run "npm run build"') };
  }
  const packageName = `@dots.ts/${platform}-${arch}`;
  let exported: unknown;
  try {
    exported = require(packageName);
  } catch {
    return {
      addon: undefined,
      why: `there is neither native/build/dots.node nor the package ${packageName}`,
    };
  }
  return { addon: checkVersion(exported, packageName, 'install dots.ts again') };
}

/** The addon, if it has the functions that this JavaScript calls. Throws `UnsupportedError` with `hint`. */
export function checkVersion(exported: unknown, what: string, hint: string): NativeAddon {
  // Addons of before there were versions export none.
  const { interfaceVersion: found = 0 } = exported as { interfaceVersion?: number };
  if (found === INTERFACE_VERSION) return exported as NativeAddon;
  throw new UnsupportedError(
    `Cannot use the native backend: ${what} is ${found < INTERFACE_VERSION ? 'older' : 'newer'} than the JavaScript ` +
      `(version ${found} of its functions instead of ${INTERFACE_VERSION})`,
    { code: 'stale-native-backend', hint },
  );
}
