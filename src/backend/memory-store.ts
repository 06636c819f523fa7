import { InternalError, ResourceError } from '../core/errors.ts';
import type { Store, TensorSpec } from './store.ts';

/** Cache lines: vectors of a tensor then never cross one. */
const ALIGNMENT = 64;

/** Where a store's memory comes from, and how it goes back. */
export interface MemorySource {
  allocate(sizeBytes: number): ArrayBuffer;
  /** Arrays that lie in the buffer are empty from then on. */
  free(buffer: ArrayBuffer): void;
}

/** JavaScript's own memory: once its buffer is transferred, no array that somebody still holds keeps it alive. */
const HEAP: MemorySource = {
  allocate: (sizeBytes) => new ArrayBuffer(sizeBytes),
  free: (buffer) => void structuredClone(buffer, { transfer: [buffer] }),
};

interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A store in one block of memory that JavaScript sees; native code works in it as well, since arrays never move. */
export class MemoryStore implements Store {
  readonly sizeBytes: number;
  private readonly source: MemorySource;
  private readonly memory: ArrayBuffer;
  private readonly tensors = new Map<string, StoredTensor>();
  private isClosed = false;

  constructor(specs: readonly TensorSpec[], source = HEAP) {
    const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
    this.sizeBytes = specs.reduce((sum, { shape }) => sum + 4 * count(shape), 0);
    const ends: number[] = [];
    for (const { shape } of specs)
      ends.push((ends.at(-1) ?? 0) + Math.ceil((4 * count(shape)) / ALIGNMENT) * ALIGNMENT);
    this.source = source;
    try {
      this.memory = source.allocate(ends.at(-1) ?? 0);
      specs.forEach(({ name, shape }, i) => {
        const data = new Float32Array(this.memory, ends[i - 1] ?? 0, count(shape));
        this.tensors.set(name, { shape, data });
      });
    } catch (error) {
      throw new ResourceError(`There is no memory for ${this.sizeBytes} bytes of parameters`, {
        code: 'out-of-memory',
        hint: 'choose a smaller model, or end other programs',
        cause: error,
      });
    }
  }

  get names(): readonly string[] {
    return [...this.tensors.keys()];
  }

  shape(name: string): readonly number[] | undefined {
    return this.tensor(name)?.shape;
  }

  array(name: string): Float32Array {
    const tensor = this.tensor(name);
    if (!tensor) throw new InternalError(`the store has no tensor ${name}`);
    return tensor.data;
  }

  private tensor(name: string): StoredTensor | undefined {
    if (this.isClosed) throw new InternalError(`the store of ${name} is closed`);
    return this.tensors.get(name);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.tensors.clear();
    this.source.free(this.memory);
  }
}
