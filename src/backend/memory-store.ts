import { InternalError, ResourceError } from '../core/errors.ts';
import type { Store, TensorSpec } from './store.ts';

/** A store in JavaScript's memory, which the native backend works in as well: arrays never move while they are referenced. */
export class MemoryStore implements Store {
  readonly sizeBytes: number;
  private readonly tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  private isClosed = false;

  constructor(specs: readonly TensorSpec[]) {
    const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
    this.sizeBytes = specs.reduce((sum, { shape }) => sum + 4 * count(shape), 0);
    try {
      for (const { name, shape } of specs)
        this.tensors.set(name, { shape, data: new Float32Array(count(shape)) });
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
