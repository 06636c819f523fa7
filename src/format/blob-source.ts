import type { ByteSource } from './byte-source.ts';
import { checkRead, closedError } from './read-checks.ts';

/** A byte source over a `Blob` or a `File`: what is not read stays where it is. */
export function blobSource(blob: Blob, name: string): ByteSource {
  let closed = false;
  return {
    name,
    size: blob.size,
    async read(offset, length) {
      if (closed) throw closedError(name);
      checkRead(name, blob.size, offset, length);
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
    async close() {
      closed = true;
    },
  };
}
