/** Weights that are not numbers: a bad conversion, or a bit that fell over in a download. */
import { storageBytes } from '../dtype/index.ts';
import type { StoredTensor } from '../format/stored-tensor.ts';
import type { Finding } from './check-metadata.ts';

const ELEMENTS_AT_ONCE = 1 << 20;

export interface ScanOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number, tensor: string) => void;
}

/** One finding for each tensor with values that are not finite, which says how many and where the first is. */
export async function scanValues(
  tensors: ReadonlyMap<string, StoredTensor>,
  { signal, onProgress }: ScanOptions = {},
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const totalBytes = [...tensors.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const values = new Float32Array(ELEMENTS_AT_ONCE);
  let doneBytes = 0;
  for (const { name, type, shape, source, offset } of tensors.values()) {
    const numElements = shape.reduce((a, b) => a * b, 1);
    let count = 0;
    let first = -1;
    for (let start = 0; start < numElements; start += ELEMENTS_AT_ONCE) {
      signal?.throwIfAborted();
      const length = Math.min(ELEMENTS_AT_ONCE, numElements - start);
      const bytes = await source.read(offset + storageBytes(type, start), storageBytes(type, length));
      type.decode(bytes, 0, values, 0, length);
      for (let i = 0; i < length; i++) {
        // Only NaN and infinities differ from themselves.
        if (values[i] - values[i] === 0) continue;
        if (first < 0) first = start + i;
        count++;
      }
      doneBytes += bytes.length;
      onProgress?.(doneBytes, totalBytes, name);
    }
    if (first < 0) continue;
    const columns = shape[shape.length - 1];
    findings.push({
      fault: 'not-a-number',
      message:
        `${count} values of ${name} (${type.name}) are not numbers, the first of them in row ${Math.floor(first / columns)}, ` +
        `column ${first % columns}`,
      remedy: 'get the file again and compare its hash; if it is the same, the conversion went wrong',
    });
  }
  return findings;
}
