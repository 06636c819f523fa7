/** The side file of a download: which bytes of the partial file are on disk, so that whoever continues it loses little. */
import { open, readFile, rename, rm } from 'node:fs/promises';
import { type Interval, IntervalSet } from './intervals.ts';

export interface RangeRecord {
  readonly sizeBytes: number;
  readonly done: readonly Interval[];
}

const VERSION = 1;

/** Nothing for a record that is missing, damaged, or of a file of another size. */
export async function readRecord(path: string, sizeBytes: number): Promise<RangeRecord | undefined> {
  try {
    const value = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    const { version, done } = value;
    if (version !== VERSION || value.sizeBytes !== sizeBytes || !Array.isArray(done)) return undefined;
    const isValid = done.every(
      (range: unknown) =>
        Array.isArray(range) &&
        range.length === 2 &&
        range.every((end: unknown) => Number.isSafeInteger(end)) &&
        0 <= range[0] &&
        range[0] < range[1] &&
        range[1] <= sizeBytes,
    );
    if (!isValid) return undefined;
    return { sizeBytes, done: new IntervalSet(done as Interval[]).list() };
  } catch {
    return undefined;
  }
}

/** Written aside and renamed, so that a kill leaves the old record or the new one. */
export async function writeRecord(path: string, { sizeBytes, done }: RangeRecord): Promise<void> {
  const draft = `${path}.new`;
  const file = await open(draft, 'w');
  try {
    await file.writeFile(JSON.stringify({ version: VERSION, sizeBytes, done }));
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

export async function removeRecord(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(`${path}.new`, { force: true });
}
