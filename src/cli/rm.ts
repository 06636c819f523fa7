import { formatBytes, formatCount } from '../core/units.ts';
import type { CommonFlags } from './options.ts';
import type { Session } from './session.ts';

/** `dots rm`: delete models from the hub's cache. */
export async function rm(session: Session, names: readonly string[], flags: CommonFlags): Promise<void> {
  const { removeModel } = await import('../hub/remove.ts');
  const removed: { readonly name: string; readonly files: readonly string[]; readonly freedBytes: number }[] =
    [];
  for (const name of names) {
    session.signal.throwIfAborted();
    const { files, freedBytes } = await removeModel(name, session.io.env);
    removed.push({ name, files, freedBytes });
    const what = `${formatCount(files.length)} ${files.length === 1 ? 'file' : 'files'}`;
    if (!flags.json) await session.line(`deleted ${name}: ${what}, ${formatBytes(freedBytes)}`);
  }
  if (flags.json) await session.json({ removed });
}
