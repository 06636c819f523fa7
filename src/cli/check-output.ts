import { lstat, realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from '../core/errors.ts';

/** Refuses what would destroy something, before any work is done. Whether `output` is there, and what it is then. */
export async function checkOutput(
  verb: string,
  input: string,
  output: string,
  force: boolean,
): Promise<'nothing' | 'folder' | 'file'> {
  const present = await lstat(output).catch(() => undefined);
  if (!present) return 'nothing';
  if ((await realpathOf(input)) === (await realpathOf(output))) {
    throw new UsageError(`Cannot ${verb} ${input} onto itself`, {
      code: 'same-output',
      hint: 'give another name for the output',
    });
  }
  if (!force) {
    throw new UsageError(`Cannot write ${output}: it already exists`, {
      code: 'output-exists',
      hint: 'give another name, or overwrite it with --force',
    });
  }
  return present.isDirectory() ? 'folder' : 'file';
}

async function realpathOf(path: string): Promise<string> {
  return await realpath(path).catch(() => resolve(path));
}
