/**
 * Opens a GGUF model, which large ones come as a set of files `PREFIX-00001-of-0000N.gguf`. Each shard is a GGUF of its
 * own; the first has the metadata. Source: llama.cpp `gguf-split`.
 */

import { closeAll, closeOnThrow } from '../core/closing.ts';
import { DotsError, FormatError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { ByteSource, SourceOpener } from './byte-source.ts';
import { openFileSource } from './file-source.ts';
import { type GgufFile, readGguf } from './gguf.ts';
import { findNumber } from './gguf-values.ts';
import { quoteName } from './read-checks.ts';
import type { StoredTensor } from './stored-tensor.ts';
import { shardName } from './write-tensors.ts';

/** A GGUF model with its open files: one, or all shards of a set in order. Metadata and alignment are the first's. */
export interface OpenGguf extends GgufFile, AsyncDisposable {
  readonly sources: readonly ByteSource[];
  /** Idempotent. Tensors can't be read afterwards. */
  close(): Promise<void>;
}

const SHARD_NAME = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/s;

interface ShardPlace {
  readonly prefix: string;
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

interface Shard {
  readonly source: ByteSource;
  readonly file: GgufFile;
}

/**
 * Open a GGUF model by its file or by any file of a split set; reads headers only. Throws `FormatError` that names the
 * shards which are missing, truncated or of another set.
 */
export async function openGguf(path: string, open: SourceOpener = openFileSource): Promise<OpenGguf> {
  return closeOnThrow(async (own) => {
    const openTracked: SourceOpener = async (name) => own(await open(name));
    const source = await openTracked(path);
    const given: Shard = { source, file: await readGguf(source) };
    const place = placeInSet(given);
    return mergeShards(place ? await openSet(given, place, openTracked) : [given]);
  });
}

/** Where a shard belongs by its name, or nothing for a whole file, whatever its name. The metadata has to agree. */
function placeInSet({ source, file }: Shard): ShardPlace | undefined {
  const [, prefix, number, total] = SHARD_NAME.exec(source.name) ?? [];
  const place = { prefix, index: Number(number) - 1, count: Number(total) };
  const count = findNumber(file.metadata, 'split.count') ?? 1;
  if (count === 1) return undefined;
  if (prefix === undefined) {
    throw mixedUp(
      source.name,
      'a name like model-00001-of-00002.gguf',
      `a shard of ${formatCount(count)} with this name`,
    );
  }
  checkShard({ source, file }, place);
  return place;
}

function checkShard({ source, file }: Shard, { index, count }: ShardPlace): void {
  // Files without these keys are whole: shard 0 of 1.
  const foundIndex = findNumber(file.metadata, 'split.no') ?? 0;
  const foundCount = findNumber(file.metadata, 'split.count') ?? 1;
  if (foundIndex === index && foundCount === count) return;
  throw mixedUp(
    source.name,
    `shard ${formatCount(index + 1)} of ${formatCount(count)}, as its name says`,
    `shard ${formatCount(foundIndex + 1)} of ${formatCount(foundCount)} in its metadata`,
  );
}

async function openSet(given: Shard, place: ShardPlace, open: SourceOpener): Promise<Shard[]> {
  const shards: Shard[] = [];
  const missing: string[] = [];
  for (let index = 0; index < place.count; index++) {
    if (index === place.index) {
      shards.push(given);
      continue;
    }
    const name = shardName(place.prefix, index, place.count, 'gguf');
    const source = await open(name).catch((error: unknown) => {
      if (error instanceof DotsError && error.code === 'file-not-found') return undefined;
      throw error;
    });
    if (!source) {
      missing.push(name);
      continue;
    }
    const shard = { source, file: await readGguf(source) };
    checkShard(shard, { ...place, index });
    shards.push(shard);
  }
  if (missing.length > 0) throw missingShards(place, missing);
  checkTotal(shards);
  return shards;
}

function checkTotal(shards: readonly Shard[]): void {
  const [first] = shards;
  const expected = findNumber(first.file.metadata, 'split.tensors.count');
  const found = shards.reduce((sum, shard) => sum + shard.file.tensors.size, 0);
  if (expected === undefined || expected === found) return;
  throw mixedUp(
    `the ${formatCount(shards.length)} shards of ${first.source.name}`,
    `${formatCount(expected)} tensors in all`,
    `${shards.map((shard) => formatCount(shard.file.tensors.size)).join(' + ')} = ${formatCount(found)}`,
  );
}

function mergeShards(shards: readonly Shard[]): OpenGguf {
  const tensors = new Map<string, StoredTensor>();
  for (const { source, file } of shards) {
    for (const [name, tensor] of file.tensors) {
      const other = tensors.get(name);
      if (other) {
        throw mixedUp(
          source.name,
          'each tensor in one shard',
          `${quoteName(name)}, which is in ${other.source.name} too`,
        );
      }
      tensors.set(name, tensor);
    }
  }
  const sources = shards.map((shard) => shard.source);
  const close = () => closeAll(sources);
  return {
    ...shards[0].file,
    tensors,
    sizeBytes: sources.reduce((sum, source) => sum + source.size, 0),
    sources,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function mixedUp(name: string, expected: string, found: string): FormatError {
  return new FormatError(`Cannot open ${name}: expected ${expected}, found ${found}`, {
    code: 'mixed-up-shards',
    hint: 'shards keep the names they were published with; fetch the whole set into one folder',
    expected,
    found,
  });
}

function missingShards(place: ShardPlace, missing: readonly string[]): FormatError {
  const { prefix, count } = place;
  return new FormatError(
    `Cannot open ${prefix}: ${formatCount(missing.length)} of its ${formatCount(count)} files ` +
      `${missing.length === 1 ? 'is' : 'are'} missing: ${missing.join(', ')}`,
    {
      code: 'missing-shards',
      hint: 'put all files of the set into one folder',
      expected: `${formatCount(count)} files`,
      found: `${formatCount(count - missing.length)} files`,
    },
  );
}
