import type { ByteSource } from './byte-source.ts';
import { checkRead, closedError } from './read-checks.ts';

/** A byte source over an array, which is not copied: `read` gives views of it. */
export function memorySource(bytes: Uint8Array, name: string): ByteSource {
  let closed = false;
  return {
    name,
    size: bytes.length,
    async read(offset, length) {
      if (closed) throw closedError(name);
      checkRead(name, bytes.length, offset, length);
      return bytes.subarray(offset, offset + length);
    },
    async close() {
      closed = true;
    },
  };
}
