import { formatBytes, formatCount } from '../core/units.ts';
import type { CachedModel, CachedRevision } from '../hub/cache-models.ts';
import type { CommonFlags } from './options.ts';
import { printable } from './printable.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';

/** `dots list`: the models in the hub's cache, those of other tools included. */
export async function list(session: Session, flags: CommonFlags): Promise<void> {
  const { listCachedModels } = await import('../hub/cache-models.ts');
  const { cacheFolderOf } = await import('../hub/environment.ts');
  const folder = cacheFolderOf(session.io.env);
  const models = await listCachedModels(folder);
  const sizeBytes = models.reduce((sum, model) => sum + model.sizeBytes, 0);
  if (flags.json) {
    await session.json({ folder, sizeBytes, models: models.map(plain) });
    return;
  }
  if (models.length === 0) {
    await session.line(`No models in ${printable(folder)}`);
    return;
  }
  const rows = models.flatMap(rowsOf).map((row) => row.map(printable));
  for (const line of table([['model', 'size', 'revision', ''], ...rows], 'lrll')) await session.line(line);
  await session.line(`${formatBytes(sizeBytes)} in ${printable(folder)}`);
}

/** One line per model that can be opened, else one for the repository. */
function rowsOf({ id, revisions, sizeBytes, partial, problems }: CachedModel): string[][] {
  const remarks = [
    ...(partial.length > 0
      ? [`${formatCount(partial.length)} unfinished, ${formatBytes(sum(partial))}`]
      : []),
    ...problems,
  ].join('; ');
  const rows = revisions.flatMap((revision) =>
    revision.models.map(({ label, format, sizeBytes: bytes, missing }) => [
      format === 'gguf' ? `hf:${id}:${label}` : `hf:${id}`,
      formatBytes(bytes),
      revisionName(revision),
      missing.length > 0 ? `${formatCount(missing.length)} shards missing` : '',
    ]),
  );
  if (rows.length === 0)
    return [[`hf:${id}`, formatBytes(sizeBytes), '', remarks || 'no model that dots opens']];
  rows[0][3] = [rows[0][3], remarks].filter((text) => text !== '').join('; ');
  return rows;
}

function revisionName({ refs, commit }: CachedRevision): string {
  return refs.length > 0 ? refs.join(', ') : commit.slice(0, 8);
}

function sum(parts: readonly { readonly sizeBytes: number }[]): number {
  return parts.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}

function plain({ id, revisions, ...rest }: CachedModel): object {
  return {
    name: `hf:${id}`,
    ...rest,
    revisions: revisions.map(({ commit, refs, numFiles, models }) => ({
      commit,
      refs,
      numFiles,
      models: models.map(({ label, format, sizeBytes, files, missing }) => ({
        label,
        format,
        sizeBytes,
        isComplete: missing.length === 0,
        files: files.map(({ path, fullPath, sizeBytes: bytes }) => ({ path, fullPath, sizeBytes: bytes })),
      })),
    })),
  };
}
