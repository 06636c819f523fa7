import { FormatError, InternalError, ResourceError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';

/** Throws unless `length` bytes at `offset` lie inside a source of `size` bytes. Every source calls it first. */
export function checkRead(name: string, size: number, offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
    throw new InternalError(`read of ${length} bytes at ${offset} of ${name}`);
  }
  if (offset + length > size) throw truncatedError(name, size, offset, length);
}

export function truncatedError(name: string, size: number, offset: number, length: number): FormatError {
  return new FormatError(
    `Cannot read ${formatCount(length)} bytes at byte ${formatCount(offset)} of ${name}: ` +
      `the file ends at byte ${formatCount(size)}`,
    {
      code: 'truncated-file',
      hint: 'the download is probably incomplete; compare its size with the model page',
      offset,
      expected: `${formatCount(offset + length)} bytes or more`,
      found: `${formatCount(size)} bytes`,
    },
  );
}

export function closedError(name: string): ResourceError {
  return new ResourceError(`Cannot read ${name}: it is closed`, {
    code: 'source-closed',
    hint: 'keep the model open for as long as its tensors are read',
  });
}

/** A name from a file as messages show it: quoted, control characters escaped, not longer than a line. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}
