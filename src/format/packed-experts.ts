import { storageBytes } from '../dtype/index.ts';
import type { StoredTensor } from './stored-tensor.ts';

const PACKED = /^(.*\.experts\.)(gate_up_proj|down_proj)(?:\.weight)?$/;

/** No model has so many; a damaged header may. */
const MAX_EXPERTS = 65_536;

/**
 * transformers from version 5 on may store all experts of a layer in one tensor: `experts.gate_up_proj` [E, 2 F, D], the gate's
 * rows first, and `experts.down_proj` [E, D, F]. The result names each expert's matrices as older checkpoints do; they lie
 * where they lie.
 */
export function unpackExperts(tensors: ReadonlyMap<string, StoredTensor>): ReadonlyMap<string, StoredTensor> {
  if (![...tensors.values()].some(isPacked)) return tensors;
  const unpacked = new Map<string, StoredTensor>();
  for (const tensor of tensors.values()) {
    if (!isPacked(tensor)) {
      unpacked.set(tensor.name, tensor);
      continue;
    }
    const [, prefix, projection] = PACKED.exec(tensor.name) as RegExpExecArray;
    const names = projection === 'down_proj' ? ['down_proj'] : ['gate_proj', 'up_proj'];
    const [numExperts, numRows, numColumns] = tensor.shape;
    const shape = [numRows / names.length, numColumns];
    const sizeBytes = storageBytes(tensor.type, shape[0] * shape[1]);
    for (let expert = 0; expert < numExperts; expert++) {
      for (const [i, matrix] of names.entries()) {
        const name = `${prefix}${expert}.${matrix}.weight`;
        const offset = tensor.offset + (expert * names.length + i) * sizeBytes;
        unpacked.set(name, { ...tensor, name, shape, offset, sizeBytes });
      }
    }
  }
  return unpacked;
}

function isPacked({ name, shape }: StoredTensor): boolean {
  const [, , projection] = PACKED.exec(name) ?? [];
  if (projection === undefined || shape.length !== 3 || shape.includes(0) || shape[0] > MAX_EXPERTS)
    return false;
  return projection === 'down_proj' || shape[1] % 2 === 0;
}
