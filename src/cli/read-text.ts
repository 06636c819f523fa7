import { readFile } from 'node:fs/promises';
import { DotsError, ResourceError, UsageError } from '../core/errors.ts';
import { decodeText } from '../format/json.ts';
import type { Session } from './session.ts';

/** The UTF-8 text of a file, or of stdin for `-`. Throws `UsageError` for paths that lead to no text, `FormatError` for other bytes. */
export async function readText(session: Session, path: string): Promise<string> {
  if (path === '-') return await readStdin(session);
  try {
    return decodeText(await readFile(path, { signal: session.signal }), path);
  } catch (cause) {
    if (cause instanceof DotsError) throw cause;
    session.signal.throwIfAborted();
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new UsageError(`Cannot read ${path}: there is no such file`, {
        code: 'file-not-found',
        hint: 'check the spelling; a relative path starts at the current folder',
        cause,
      });
    }
    if (code === 'EISDIR') {
      throw new UsageError(`Cannot read ${path}: it is a folder`, {
        code: 'not-a-file',
        hint: 'give the path of a text file',
        cause,
      });
    }
    throw new ResourceError(
      `Cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        code: 'unreadable-file',
        hint: 'check the permissions of the file',
        cause,
      },
    );
  }
}

export async function readStdin(session: Session): Promise<string> {
  // A listener that is added after an interruption is not called for it.
  session.signal.throwIfAborted();
  const { stdin } = session.io;
  const chunks: Buffer[] = [];
  // A pending read would keep the process alive after an interruption.
  const onAbort = (): void => (stdin as { destroy?: () => void }).destroy?.();
  session.signal.addEventListener('abort', onAbort, { once: true });
  try {
    for await (const chunk of stdin as AsyncIterable<Uint8Array | string>)
      chunks.push(Buffer.from(chunk as string));
  } finally {
    session.signal.removeEventListener('abort', onAbort);
  }
  session.signal.throwIfAborted();
  return decodeText(Buffer.concat(chunks), 'the input');
}
