import { InternalError, ResourceError } from '../core/errors.ts';
import type { Store, TensorSpec } from './store.ts';

/** Cache lines: vectors of a tensor then never cross one. */
const ALIGNMENT = 64;

/** A store in one block of memory that JavaScript sees; native code works in it as well, since arrays never move. */
export class MemoryStore implements Store {
  readonly sizeBytes: number;
  private readonly tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  private isClosed = false;

  constructor(
    specs: readonly TensorSpec[],
    allocate: (sizeBytes: number) => ArrayBuffer = (sizeBytes) => new ArrayBuffer(sizeBytes),
  ) {
    const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
    this.sizeBytes = specs.reduce((sum, { shape }) => sum + 4 * count(shape), 0);
    const ends: number[] = [];
    for (const { shape } of specs)
      ends.push((ends.at(-1) ?? 0) + Math.ceil((4 * count(shape)) / ALIGNMENT) * ALIGNMENT);
    try {
      const memory = allocate(ends.at(-1) ?? 0);
      specs.forEach(({ name, shape }, i) => {
        const data = new Float32Array(memory, ends[i - 1] ?? 0, count(shape));
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
    return this.tensors.get(name)?.shape;
  }

  array(name: string): Float32Array {
    const tensor = this.tensors.get(name);
    if (this.isClosed) throw new InternalError(`the store of ${name} is closed`);
    if (!tensor) throw new InternalError(`the store has no tensor ${name}`);
    return tensor.data;
  }

  close(): void {
    this.isClosed = true;
    this.tensors.clear();
  }
}
