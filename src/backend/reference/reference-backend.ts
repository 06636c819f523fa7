import { layoutSlots, type Program, type SourceValue, type ValueId } from '../../compile/program.ts';
import { InternalError, ResourceError } from '../../core/errors.ts';
import { type Bindings, evaluateShape } from '../../graph/dim.ts';
import type { StoredWeight } from '../../graph/stored-weight.ts';
import type { Backend, Executable, LoadOptions, RunInputs } from '../backend.ts';
import { MemoryStore } from '../memory-store.ts';
import { checkStored, type Store } from '../store.ts';
import { Cells } from './cells.ts';
import { type Kernel, KernelCall, type Operand } from './kernel.ts';
import { kernels } from './ops/index.ts';
import { WeightRows } from './weight-rows.ts';

/**
 * Plain TypeScript: the definition of every op, and what runs where no compiler was found. Sums in f64, rounds to f32
 * where a tensor is stored. Weights stay in memory as the file has them.
 */
export const referenceBackend: Backend = {
  name: 'reference',
  description: 'reference (TypeScript, one thread)',
  kernelId: 'reference',
  supports: (op) => op in kernels,
  streamsExperts: false,
  load: async (program, weights, options) => ReferenceExecutable.load(program, weights, options),
  createStore: (specs) => new MemoryStore(specs),
};

/** How long the event loop may be kept waiting before a run lets timers and signals through. */
const YIELD_AFTER_MS = 30;

/** A model whose weights fit into this as f32 is decoded when it is loaded: two and a half times as fast. */
const DECODED_LIMIT_BYTES = 128e6;

class ReferenceExecutable implements Executable {
  private readonly program: Program;
  private readonly weights: ReadonlyMap<string, WeightRows>;
  private readonly cells: ReadonlyMap<string, Cells>;
  private readonly store: Store | undefined;
  private memory = new ArrayBuffer(0);
  /** Of all runs together: many short ones in a row keep everything else waiting as one long one does. */
  private lastYieldMs = performance.now();
  private isClosed = false;

  private constructor(
    program: Program,
    weights: ReadonlyMap<string, WeightRows>,
    cells: ReadonlyMap<string, Cells>,
    store: Store | undefined,
  ) {
    this.program = program;
    this.weights = weights;
    this.cells = cells;
    this.store = store;
  }

  static async load(
    program: Program,
    stored: ReadonlyMap<string, StoredWeight>,
    { stateBindings, stateType, store, signal, onProgress }: LoadOptions,
  ): Promise<ReferenceExecutable> {
    const isStored = ({ name, shape }: SourceValue): boolean => {
      const stored = store?.shape(name);
      if (stored) checkStored(name, stored, evaluateShape(shape, stateBindings));
      return stored !== undefined;
    };
    const sources = program.values.flatMap((value) =>
      value.kind === 'weight' || value.kind === 'state' ? [value] : [],
    );
    const loaded = sources.filter((value) => !isStored(value));
    const wanted = new Set(loaded.flatMap((value) => (value.kind === 'weight' ? [value.name] : [])));
    const totalBytes = [...wanted].reduce((sum, name) => sum + partBytes(stored.get(name)), 0);
    const decodedBytes = [...wanted].reduce((sum, name) => sum + elementCount(stored.get(name)) * 4, 0);
    const decodeNow = decodedBytes <= DECODED_LIMIT_BYTES;
    const weights = new Map<string, WeightRows>();
    let doneBytes = 0;
    for (const name of wanted) {
      const weight = stored.get(name);
      if (!weight) throw new InternalError(`the program reads the weight ${name}, which was not bound`);
      const parts: Uint8Array[] = [];
      for (const part of weight.parts) {
        signal?.throwIfAborted();
        parts.push(await part.read());
        doneBytes += part.sizeBytes;
        onProgress?.(doneBytes, totalBytes);
      }
      weights.set(name, new WeightRows(weight, parts, decodeNow));
    }
    const cells = new Map<string, Cells>();
    for (const value of loaded) {
      if (value.kind === 'state')
        cells.set(value.name, new Cells(evaluateShape(value.shape, stateBindings), stateType));
    }
    return new ReferenceExecutable(program, weights, cells, store);
  }

  async run(
    inputs: RunInputs,
    bindings: Bindings,
    signal?: AbortSignal,
    wanted: readonly string[] = Object.keys(this.program.outputs),
  ): Promise<Record<string, Float32Array>> {
    if (this.isClosed) {
      throw new ResourceError('Cannot run a model that is closed', { code: 'closed', hint: 'open it again' });
    }
    const layout = layoutSlots(this.program, bindings);
    if (this.memory.byteLength < layout.sizeBytes) this.memory = new ArrayBuffer(layout.sizeBytes);
    const operand = (id: ValueId): Operand => this.operand(id, layout.offsets, inputs, bindings);

    for (const { op, inputs: ids, output, attributes } of this.program.instructions) {
      signal?.throwIfAborted();
      const kernel: Kernel = kernels[op as keyof typeof kernels];
      kernel(new KernelCall(ids.map(operand), operand(output), attributes));
      if (performance.now() - this.lastYieldMs > YIELD_AFTER_MS) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        this.lastYieldMs = performance.now();
      }
    }
    const outputs: Record<string, Float32Array> = {};
    for (const name of wanted) {
      const { data } = operand(this.program.outputs[name]) as { data: Float32Array | Int32Array };
      outputs[name] = new Float32Array(data.slice().buffer);
    }
    return outputs;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.memory = new ArrayBuffer(0);
  }

  private operand(id: ValueId, offsets: readonly number[], inputs: RunInputs, bindings: Bindings): Operand {
    const value = this.program.values[id];
    if (value.kind === 'weight' || value.kind === 'state') {
      const shape = this.store?.shape(value.name);
      if (shape) return { kind: 'floats', shape, data: (this.store as Store).array(value.name) };
    }
    if (value.kind === 'weight') {
      const rows = this.weights.get(value.name) as WeightRows;
      return { kind: 'weight', shape: rows.shape, rows };
    }
    if (value.kind === 'state') {
      const cells = this.cells.get(value.name) as Cells;
      return { kind: 'cells', shape: cells.shape, cells };
    }
    const shape = evaluateShape(value.shape, bindings);
    const length = shape.reduce((a, b) => a * b, 1);
    if (value.kind !== 'slot') {
      const data = inputs[value.name];
      if (data?.length !== length)
        throw new InternalError(`input ${value.name} has ${data?.length} elements, expected ${length}`);
      if (value.type === 'f32' && data instanceof Float32Array) return { kind: 'floats', shape, data };
      if (value.type === 'i32' && data instanceof Int32Array) return { kind: 'integers', shape, data };
      throw new InternalError(`input ${value.name} must be ${value.type}`);
    }
    const offset = offsets[value.slot];
    return value.type === 'f32'
      ? { kind: 'floats', shape, data: new Float32Array(this.memory, offset, length) }
      : { kind: 'integers', shape, data: new Int32Array(this.memory, offset, length) };
  }
}

function elementCount(weight: StoredWeight | undefined): number {
  return weight?.shape.reduce((a, b) => a * b, 1) ?? 0;
}

function partBytes(weight: StoredWeight | undefined): number {
  return weight?.parts.reduce((sum, part) => sum + part.sizeBytes, 0) ?? 0;
}
