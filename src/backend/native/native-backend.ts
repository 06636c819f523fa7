import { availableParallelism } from 'node:os';
import type { Program } from '../../compile/program.ts';
import { FormatError, InternalError, ResourceError, UnsupportedError } from '../../core/errors.ts';
import { f32 } from '../../dtype/index.ts';
import { type Bindings, evaluateShape } from '../../graph/dim.ts';
import type { StoredWeight } from '../../graph/stored-weight.ts';
import type { Backend, Executable, ExpertStreamingStats, LoadOptions, RunInputs } from '../backend.ts';
import { MemoryStore } from '../memory-store.ts';
import { type EncodedProgram, encodeProgram } from '../program/encode-program.ts';
import { F32_ACTIVATIONS, lowerToNative } from '../program/lower.ts';
import { NATIVE_OPS } from '../program/native-ops.ts';
import { checkStored, type Store } from '../store.ts';
import {
  bestIsa,
  loadAddon,
  type NativeAddon,
  type NativeDevice,
  type NativeError,
  type NativeHandle,
  type NativeWeight,
} from './addon.ts';

export interface NativeOptions {
  /** Default: one for each core that this process may use. */
  readonly threads?: number;
  /** An instruction set other than the best one; for tests and measurements. */
  readonly isa?: string;
}

/** What the kernels have room for: kMaxHeadWidth and kMaxTrainedHeadWidth in native/kernels/. */
const MAX_HEAD_WIDTHS: ReadonlyMap<string, number> = new Map([
  ['cachedAttention', 1024],
  ['causalAttention', 256],
  ['causalAttentionGrad', 256],
]);

/** Reads in flight: what drives need for their full speed, from SATA to NVMe; more of them only wait longer each. */
const READERS = 8;

const KV_TYPES = ['f32', 'f16', 'q8_0'];

/** The C++ backend, or why it cannot be had on this machine. */
export function openNativeBackend(
  options: NativeOptions = {},
): { backend: Backend } | { backend: undefined; why: string } {
  const found = loadAddon();
  if (!found.addon) return { backend: undefined, why: found.why };
  const { addon } = found;
  const isa = chooseIsa(addon, options.isa);
  const threads = options.threads ?? availableParallelism();
  // Threads start with the first program: whoever only asks what there is needs none.
  let device: NativeDevice | undefined;
  const backend: Backend = {
    name: 'native',
    description: `native (${isa}, ${threads} ${threads === 1 ? 'thread' : 'threads'})`,
    kernelId: `native-${isa}`,
    supports: (op) => op in NATIVE_OPS,
    streamsExperts: true,
    load: (program, weights, loadOptions) => {
      device ??= addon.openDevice(isa, threads);
      return load(addon, device, program, weights, loadOptions);
    },
    createStore: (specs) => new MemoryStore(specs, addon),
  };
  return { backend };
}

/** Throws `UnsupportedError` where the machine lacks it. */
export function chooseIsa(addon: NativeAddon, wanted: string | undefined): string {
  const best = bestIsa(addon);
  if (wanted === undefined || addon.isas().includes(wanted)) return wanted ?? best;
  throw new UnsupportedError(`The instruction set ${wanted} cannot be used on this machine`, {
    code: 'unsupported-isa',
    hint: `omit the option to use ${best}, or choose one of ${addon.isas().join(', ')}`,
  });
}

async function load(
  addon: NativeAddon,
  device: NativeDevice,
  program: Program,
  weights: ReadonlyMap<string, StoredWeight>,
  options: LoadOptions,
): Promise<Executable> {
  const { store } = options;
  checkHeadWidths(program);
  const arrays = new Map<string, Float32Array>();
  for (const value of program.values) {
    if (value.kind !== 'weight' && value.kind !== 'state') continue;
    const stored = store?.shape(value.name);
    if (!stored) continue;
    checkStored(value.name, stored, evaluateShape(value.shape, options.stateBindings));
    arrays.set(value.name, (store as Store).array(value.name));
  }
  const lowered = lowerToNative(program, {
    kindFor: (name) =>
      arrays.has(name) ? F32_ACTIVATIONS : activationKind(addon, boundWeight(weights, name)),
    rowBytes: (kind, numCols) => addon.activationRowBytes(kind, numCols),
  });
  const encoded = encodeProgram(lowered, options.stateBindings);
  const stateShapes = new Map(
    program.values.flatMap((value) =>
      value.kind === 'state' ? [[value.name, evaluateShape(value.shape, options.stateBindings)]] : [],
    ),
  );
  const kvType = KV_TYPES.indexOf(options.stateType.name);
  if (kvType < 0) {
    throw new UnsupportedError(`The KV cache cannot be stored as ${options.stateType.name}`, {
      code: 'unsupported-kv-type',
      hint: `choose one of ${KV_TYPES.join(', ')}`,
    });
  }
  const nativeWeights: NativeWeight[] = [];
  const totalBytes = encoded.weights.reduce((sum, name) => sum + weightBytes(weights.get(name)), 0);
  let doneBytes = 0;
  for (const name of encoded.weights) {
    options.signal?.throwIfAborted();
    const floats = arrays.get(name);
    const shape = store?.shape(name) ?? [];
    nativeWeights.push(
      floats
        ? { type: f32.id, shape, parts: [{ sizeBytes: floats.byteLength, floats }] }
        : await describeWeight(boundWeight(weights, name)),
    );
    doneBytes += weightBytes(weights.get(name));
    options.onProgress?.(doneBytes, totalBytes);
  }
  const states = encoded.states.map((name) => {
    const floats = arrays.get(name);
    return { type: kvType, shape: stateShapes.get(name) as number[], ...(floats && { floats }) };
  });
  try {
    const { streaming } = options;
    const handle = addon.load(
      encoded.words,
      encoded.constants,
      nativeWeights,
      states,
      device,
      streaming && {
        cacheBytes: streaming.cacheBytes,
        direct: streaming.io === 'direct' ? 1 : 0,
        readers: READERS,
      },
    );
    return new NativeExecutable(addon, handle, {
      encoded,
      program: lowered,
      isTraining: store !== undefined,
    });
  } catch (error) {
    throw toDotsError(error as NativeError, {
      attempt: 'load',
      code: 'native-load-failed',
      isTraining: store !== undefined,
    });
  }
}

function checkHeadWidths({ values, instructions }: Program): void {
  for (const { op, inputs } of instructions) {
    const max = MAX_HEAD_WIDTHS.get(op);
    const width = values[inputs[0]].shape.at(-1);
    if (max === undefined || typeof width !== 'number' || width <= max) continue;
    throw new UnsupportedError(
      `The native backend cannot load the model: its heads are ${width} wide, and ${op} takes ${max} at most`,
      { code: 'unsupported-head-width', hint: 'run it with the reference backend (--backend reference)' },
    );
  }
}

function weightBytes(weight: StoredWeight | undefined): number {
  return weight?.parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) ?? 0;
}

function boundWeight(weights: ReadonlyMap<string, StoredWeight>, name: string): StoredWeight {
  const weight = weights.get(name);
  if (weight) return weight;
  throw new InternalError(`the program reads the weight ${name}, which was not bound`);
}

function activationKind(addon: NativeAddon, weight: StoredWeight): number {
  const kind = addon.activationKind(weight.type.id);
  if (kind >= 0) return kind;
  throw new UnsupportedError(`The native backend has no kernels for ${weight.type.name} ("${weight.name}")`, {
    code: 'unsupported-tensor-type',
    hint: 'run it with --backend reference, or convert the file to another type',
  });
}

/** Bytes that lie in a file are mapped; only what a reader made in memory is copied. */
async function describeWeight(weight: StoredWeight): Promise<NativeWeight> {
  const parts: NativeWeight['parts'][number][] = [];
  for (const { sizeBytes, file, read } of weight.parts) {
    parts.push(
      file ? { sizeBytes, path: file.path, offset: file.offset } : { sizeBytes, bytes: await read() },
    );
  }
  return { type: weight.type.id, shape: weight.shape, parts };
}

class NativeExecutable implements Executable {
  private readonly addon: NativeAddon;
  private readonly handle: NativeHandle;
  private readonly encoded: EncodedProgram;
  /** As it runs: what `instructionSeconds` counts. */
  readonly program: Program;
  private readonly isTraining: boolean;
  private isClosed = false;
  streamingStats: ExpertStreamingStats | undefined;

  constructor(
    addon: NativeAddon,
    handle: NativeHandle,
    { encoded, program, isTraining }: { encoded: EncodedProgram; program: Program; isTraining: boolean },
  ) {
    this.addon = addon;
    this.handle = handle;
    this.encoded = encoded;
    this.program = program;
    this.isTraining = isTraining;
    this.streamingStats = this.readStats();
  }

  async run(
    inputs: RunInputs,
    bindings: Bindings,
    signal?: AbortSignal,
    wanted: readonly string[] = this.encoded.outputs,
  ): Promise<Record<string, Float32Array>> {
    if (this.isClosed)
      throw new ResourceError('Cannot run a model that is closed', { code: 'closed', hint: 'open it again' });
    signal?.throwIfAborted();
    const cancel = (): void => this.addon.cancel(this.handle);
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      const outputs = await this.addon.run(
        this.handle,
        this.encoded.inputs.map((name) => inputs[name]),
        Int32Array.from(this.encoded.symbols, (symbol) => bindings[symbol]),
        Int32Array.from(wanted, (name) => this.encoded.outputs.indexOf(name)),
      );
      return Object.fromEntries(wanted.map((name, i) => [name, outputs[i]]));
    } catch (error) {
      signal?.throwIfAborted();
      throw toDotsError(error as NativeError, {
        attempt: 'run',
        code: 'out-of-memory',
        isTraining: this.isTraining,
      });
    } finally {
      signal?.removeEventListener('abort', cancel);
      if (this.streamingStats && !this.isClosed) this.streamingStats = this.readStats();
    }
  }

  private readStats(): ExpertStreamingStats | undefined {
    const values = this.addon.expertStats(this.handle);
    if (values.length === 0) return undefined;
    const [chosen, held, bytesRead, waitSeconds, heldBytes, cacheBytes] = values;
    return { chosen, held, bytesRead, waitSeconds, heldBytes, cacheBytes };
  }

  /** Where the time of all runs went, instruction by instruction: for measurements. */
  instructionSeconds(): Float64Array {
    return this.addon.seconds(this.handle);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.addon.close(this.handle);
  }
}

/** C++ gives a line for people, and in `code` the kind of failure, which becomes a class here and nowhere else. */
function toDotsError(
  error: NativeError,
  {
    attempt,
    code,
    isTraining,
  }: { readonly attempt: 'load' | 'run'; readonly code: string; readonly isTraining: boolean },
): Error {
  const { message } = error;
  if (error.code === 'format') {
    return new FormatError(`Cannot ${attempt} the model: ${message} is shorter than when it was opened`, {
      code: 'file-changed',
      hint: 'the file was shortened or its disk failed while the model was open; open it again from a good copy',
      cause: error,
    });
  }
  if (error.code === 'read') {
    return new ResourceError(`Cannot ${attempt} the model: ${message}`, {
      code: 'read-failed',
      hint: 'look at the disk and the file: it may be failing, gone, or cut short; other requests continue',
      cause: error,
    });
  }
  if (error.code === 'resource') {
    return new ResourceError(`The native backend cannot ${attempt} the model: ${message}`, {
      code,
      hint: message.startsWith('cannot map')
        ? 'look at the file: it may be cut short, gone, or on a file system whose files cannot be mapped'
        : isTraining
          ? 'choose a smaller "microBatchTokens", set "recompute" to true, or end other programs'
          : 'choose a shorter context or fewer parallel sequences, or end other programs',
      cause: error,
    });
  }
  if (error.code === 'unsupported') {
    return new UnsupportedError(`The native backend cannot ${attempt} the model: ${message}`, {
      code: 'unsupported-tensor-type',
      hint: 'run it with --backend reference, or convert the file to another type',
      cause: error,
    });
  }
  return new InternalError(message, { cause: error });
}
