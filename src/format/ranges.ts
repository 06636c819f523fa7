import { FormatError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { ByteSource } from './byte-source.ts';
import { quoteName } from './read-checks.ts';
import type { StoredTensor } from './stored-tensor.ts';

/** Throws `FormatError` if two tensors of one file share bytes. */
export function checkOverlaps(source: ByteSource, tensors: readonly StoredTensor[]): void {
  const sorted = [...tensors].sort((a, b) => a.offset - b.offset);
  for (let i = 1; i < sorted.length; i++) {
    const before = sorted[i - 1];
    const tensor = sorted[i];
    const end = before.offset + before.sizeBytes;
    if (tensor.offset >= end) continue;
    const expected = `a start at byte ${formatCount(end)} or later`;
    throw new FormatError(
      `Cannot read tensor ${quoteName(tensor.name)} of ${source.name}: it begins at byte ${formatCount(tensor.offset)}, ` +
        `inside tensor ${quoteName(before.name)}, which ends at byte ${formatCount(end)}`,
      {
        code: 'overlapping-tensors',
        hint: 'the file is damaged; fetch it again',
        offset: tensor.offset,
        expected,
        found: `byte ${formatCount(tensor.offset)}`,
      },
    );
  }
}
