import { InternalError, ResourceError } from '../core/errors.ts';
import type { Store, TensorSpec } from './store.ts';

/** Cache lines: vectors of a tensor then never cross one. */
const ALIGNMENT = 64;

/** The largest buffer of Node.js 20. */
const LARGEST_BLOCK_BYTES = 2 ** 32;

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

/** A store in memory that JavaScript sees; native code works in it as well, since arrays never move. */
export class MemoryStore implements Store {
  readonly sizeBytes: number;
  private readonly source: MemorySource;
  private readonly blocks: ArrayBuffer[] = [];
  private readonly tensors = new Map<string, StoredTensor>();
  private isClosed = false;

  constructor(specs: readonly TensorSpec[], source = HEAP, blockBytes = LARGEST_BLOCK_BYTES) {
    const placed = place(specs, blockBytes);
    this.sizeBytes = specs.reduce((sum, { shape }) => sum + 4 * countOf(shape), 0);
    this.source = source;
    try {
      for (const { tensors, sizeBytes } of placed) {
        const block = source.allocate(sizeBytes);
        this.blocks.push(block);
        for (const { name, shape, offset } of tensors)
          this.tensors.set(name, { shape, data: new Float32Array(block, offset, countOf(shape)) });
      }
    } catch (error) {
      this.close();
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
    for (const block of this.blocks) this.source.free(block);
  }
}

function countOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

interface Block {
  readonly tensors: (TensorSpec & { readonly offset: number })[];
  sizeBytes: number;
}

/** Tensors one after the other, in a new block where one would pass `blockBytes`. */
function place(specs: readonly TensorSpec[], blockBytes: number): readonly Block[] {
  const blocks: Block[] = [];
  for (const spec of specs) {
    const bytes = Math.ceil((4 * countOf(spec.shape)) / ALIGNMENT) * ALIGNMENT;
    let block = blocks.at(-1);
    if (!block || block.sizeBytes + bytes > blockBytes) {
      block = { tensors: [], sizeBytes: 0 };
      blocks.push(block);
    }
    block.tensors.push({ ...spec, offset: block.sizeBytes });
    block.sizeBytes += bytes;
  }
  return blocks;
}
