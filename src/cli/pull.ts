import { formatBytes, formatCount, formatDuration } from '../core/units.ts';
import type { CommonFlags } from './options.ts';
import { printable } from './printable.ts';
import { withProgress } from './resolve-model.ts';
import type { Session } from './session.ts';

/** `dots pull`: download a model of the hub into the cache, or continue to. */
export async function pull(session: Session, name: string, flags: CommonFlags): Promise<void> {
  const { pullModel } = await import('../hub/pull.ts');
  const { formatHubName } = await import('../hub/name.ts');
  const startMs = performance.now();
  const model = await withProgress(session, flags, session.signal, (options) => pullModel(name, options));
  const elapsedMs = performance.now() - startMs;
  const downloaded = model.files.filter(({ wasCached }) => !wasCached);
  const downloadedBytes = downloaded.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const bySize = downloaded.filter(({ check }) => check === 'size');
  if (flags.json) {
    const { commit, path, files, sizeBytes } = model;
    await session.json({
      name: formatHubName(model.name),
      commit,
      path,
      sizeBytes,
      downloadedBytes,
      seconds: elapsedMs / 1000,
      files: files.map((file) => ({ ...file, sha256: file.sha256 ?? null })),
    });
  } else {
    await session.line(
      downloaded.length === 0
        ? `${formatHubName(model.name)} is complete: ${formatFiles(model.files.length)}, ${formatBytes(model.sizeBytes)}`
        : `${formatHubName(model.name)}: ${formatFiles(downloaded.length)}, ${formatBytes(downloadedBytes)} in ${formatDuration(elapsedMs)}`,
    );
    await session.line(printable(model.path));
  }
  if (bySize.length > 0)
    session.warn(
      `the hub gives no hash for ${bySize.map(({ path }) => path).join(', ')}: only the size was checked`,
    );
}

function formatFiles(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'file' : 'files'}`;
}
