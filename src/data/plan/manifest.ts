/**
 * Output folders of a plan: `stage=NAME/v=HASH`, where HASH is that of everything the table depends on. A node is done if and only if its
 * manifest exists; it is written last and never replaced.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DotsError, FormatError } from '../../core/errors.ts';
import type { Order } from './query.ts';
import type { Schema } from './row.ts';

export interface TableFile {
  /** In the folder of the node. */
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
  /** Of the file. */
  readonly sha256: string;
}

/** What happened to the documents of a node. */
export interface Totals {
  readonly rows: number;
  readonly excluded: number;
  /** Lines, not documents. */
  readonly removedLines: number;
  readonly errors: number;
}

export interface Manifest {
  readonly version: 1;
  readonly node: string;
  readonly hash: string;
  readonly schema: Schema;
  readonly order: Order;
  readonly files: readonly TableFile[];
  readonly exclusions: readonly TableFile[];
  readonly errors: readonly TableFile[];
  readonly totals: Totals;
  /** Documents that each rule has removed. */
  readonly rules: Readonly<Record<string, number>>;
  /** Hashes of the nodes that were read. */
  readonly inputs: Readonly<Record<string, string>>;
}

export const MANIFEST = 'manifest.json';

/** Enough of SHA-256 that no two configurations share a folder. */
const HASH_CHARS = 16;

export function hashOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, HASH_CHARS);
}

/** JSON with the fields of objects in order, so that a hash does not depend on how a file was written. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}n`;
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

export function nodeFolder(out: string, name: string, hash: string): string {
  return join(out, `stage=${name}`, `v=${hash}`);
}

/** Undefined where the node is not done. Throws `FormatError` for a manifest that is none. */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const file = join(folder, MANIFEST);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const manifest = JSON.parse(text) as Manifest;
    if (manifest.version === 1 && Array.isArray(manifest.files)) return manifest;
  } catch {
    // Reported below.
  }
  throw new FormatError(`Cannot read ${file}: it is not a manifest`, {
    code: 'bad-manifest',
    hint: `delete ${folder}; the step is then recomputed`,
  });
}

/** Whoever comes first publishes; what others have computed is the same. */
export async function publishManifest(folder: string, manifest: Manifest): Promise<void> {
  const temporary = join(folder, `manifest.${process.pid}.tmp`);
  await writeDurably(temporary, `${JSON.stringify(manifest, null, 1)}\n`);
  try {
    await link(temporary, join(folder, MANIFEST));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Writes and syncs: what a manifest says is on the disk has to be there after a power cut. */
export async function writeDurably(file: string, text: string): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true });
  const handle = await open(file, 'w');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Size and digest of a finished file, synced to the disk. */
export async function describeFile(folder: string, name: string, rows: number): Promise<TableFile> {
  const file = join(folder, name);
  const handle = await open(file, 'r');
  await handle.sync().finally(() => handle.close());
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { name, rows, bytes, sha256: hash.digest('hex') };
}

/** Throws `FormatError` naming every file of a table that is gone or was changed. */
export async function verifyFiles(folder: string, files: readonly TableFile[]): Promise<void> {
  for (const { name, rows, sha256 } of files) {
    const found = await describeFile(folder, name, rows).catch((error: unknown) => {
      if (error instanceof DotsError) throw error;
      return undefined;
    });
    if (found?.sha256 === sha256) continue;
    throw new FormatError(
      `${join(folder, name)} ${found ? 'differs from what its step has written' : 'is gone'}`,
      { code: 'changed-table', hint: `delete ${folder}; the step is then recomputed` },
    );
  }
}
