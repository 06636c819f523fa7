import { type StorageType, storageBytes } from '../../src/dtype/index.ts';

/** Values of whole blocks. */
export function decodeAll(type: StorageType, bytes: Uint8Array): Float32Array {
  const values = new Float32Array((bytes.length / type.blockBytes) * type.blockElements);
  type.decode(bytes, 0, values, 0, values.length);
  return values;
}

/** Bytes of whole blocks. The type must have an encoder. */
export function encodeAll(type: StorageType, values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(storageBytes(type, values.length));
  type.encodeRow!(values, 0, bytes, 0, values.length);
  return bytes;
}
