import { type StorageType, storageBytes } from '../dtype/index.ts';
import type { WeightSpec } from '../model/architecture.ts';
import type { ResidentModel } from './resident-model.ts';
import { quantisedSpecs } from './sensitivities.ts';
import type { TensorEncoder } from './type-costs.ts';

/** Puts what a file of certain types would hold in place of a model's weights, and back. What was encoded once is kept. */
export class CandidateWeights {
  private readonly model: ResidentModel;
  private readonly encoder: TensorEncoder;
  private readonly specs: readonly WeightSpec[];
  private readonly originals: ReadonlyMap<string, Float32Array>;
  private readonly encoded = new Map<string, Uint8Array>();
  private readonly current = new Map<string, StorageType>();

  /** The model's weights must be the original ones. */
  constructor(model: ResidentModel, encoder: TensorEncoder) {
    this.model = model;
    this.encoder = encoder;
    this.specs = quantisedSpecs(model);
    this.originals = new Map(this.specs.map(({ name }) => [name, model.weight(name).slice()]));
  }

  /** Types by the GGUF names of tensors; a tensor without one has its original values. */
  async apply(types: ReadonlyMap<string, StorageType>, signal?: AbortSignal): Promise<void> {
    for (const spec of this.specs) {
      const type = types.get(spec.gguf);
      if (type === this.current.get(spec.name)) continue;
      signal?.throwIfAborted();
      const values = this.model.weight(spec.name);
      if (type) {
        type.decode(await this.encode(spec, type), 0, values, 0, values.length);
        this.current.set(spec.name, type);
      } else {
        values.set(this.originals.get(spec.name) as Float32Array);
        this.current.delete(spec.name);
      }
    }
  }

  private async encode(spec: WeightSpec, type: StorageType): Promise<Uint8Array> {
    const key = `${spec.name} ${type.name}`;
    const known = this.encoded.get(key);
    if (known) return known;
    const values = this.originals.get(spec.name) as Float32Array;
    const numMatrices = spec.shape.length > 2 ? spec.shape[0] : 1;
    const count = values.length / numMatrices;
    const bytes = new Uint8Array(storageBytes(type, values.length));
    for (let matrix = 0; matrix < numMatrices; matrix++) {
      const own = values.subarray(matrix * count, (matrix + 1) * count);
      bytes.set(await this.encoder.encode(spec, type, own, matrix), storageBytes(type, matrix * count));
    }
    this.encoded.set(key, bytes);
    return bytes;
  }
}
