/** Opens the weights of a Hugging Face checkpoint: `model.safetensors`, or the shards that its index names. */

import { closeAll, closeOnThrow } from '../core/closing.ts';
import { FormatError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { type ByteSource, readAll, type SourceFolder } from './byte-source.ts';
import { parseJson } from './json.ts';
import { quoteName } from './read-checks.ts';
import { readSafetensors, type SafetensorsFile } from './safetensors.ts';
import type { StoredTensor } from './stored-tensor.ts';

export interface OpenSafetensors extends AsyncDisposable {
  /** Shard after shard, each in the order of its bytes. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly sources: readonly ByteSource[];
  /** All weight files together. */
  readonly sizeBytes: number;
  /** Idempotent. Tensors can't be read afterwards. */
  close(): Promise<void>;
}

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/**
 * Open all weight files of a folder; reads headers only. Throws `FormatError` that names every missing shard or tensor.
 */
export async function openSafetensorsFolder(folder: SourceFolder): Promise<OpenSafetensors> {
  const sources: ByteSource[] = [];
  const close = () => closeAll(sources);
  return closeOnThrow(async (own) => {
    const tensors = await openTensors(folder, (source) => {
      sources.push(own(source));
    });
    const sizeBytes = sources.reduce((sum, source) => sum + source.size, 0);
    return { tensors, sources, sizeBytes, close, [Symbol.asyncDispose]: close };
  });
}

/** Every file it opens goes to `own` before it is read. */
async function openTensors(
  folder: SourceFolder,
  own: (source: ByteSource) => void,
): Promise<ReadonlyMap<string, StoredTensor>> {
  const single = await folder.open(SINGLE);
  if (single) {
    own(single);
    return (await readSafetensors(single)).tensors;
  }
  const weightMap = await readIndex(folder);
  const files = new Map<string, SafetensorsFile>();
  const missing: string[] = [];
  for (const fileName of new Set(weightMap.values())) {
    const source = await folder.open(fileName);
    if (!source) {
      missing.push(fileName);
      continue;
    }
    own(source);
    files.set(fileName, await readSafetensors(source));
  }
  if (missing.length > 0) throw missingError(folder, missing, { code: 'missing-shards', what: 'files' });
  return collectTensors(folder, weightMap, files);
}

async function readIndex(folder: SourceFolder): Promise<Map<string, string>> {
  const source = await folder.open(INDEX);
  if (!source) {
    throw new FormatError(`Cannot open ${folder.name}: it has no ${SINGLE} and no ${INDEX}`, {
      code: 'no-weights',
      hint: 'fetch the safetensors files of the model; .bin and .pt files are not read',
      expected: `${SINGLE} or ${INDEX}`,
      found: 'neither',
    });
  }
  try {
    const index = parseJson(await readAll(source), source.name, { uniqueKeys: true });
    return checkIndex(index, source.name);
  } finally {
    await source.close();
  }
}

function checkIndex(index: unknown, name: string): Map<string, string> {
  const weightMap = (index as { weight_map?: unknown } | null)?.weight_map;
  const entries = typeof weightMap === 'object' && weightMap !== null ? Object.entries(weightMap) : [];
  // A plain file name: an index from the network must not reach outside of its folder.
  const wrong = entries.find(([, file]) => typeof file !== 'string' || !/^[^/\\]+\.safetensors$/.test(file));
  if (entries.length > 0 && !wrong) return new Map(entries);
  const found = wrong ? `${JSON.stringify(wrong[1])} for ${quoteName(wrong[0])}` : 'none';
  throw new FormatError(
    `Cannot read ${name}: expected a weight_map from tensors to .safetensors files, found ${found}`,
    {
      code: 'bad-index',
      hint: 'fetch the index again',
      offset: 0,
      expected: 'a weight_map from tensors to .safetensors files of this folder',
      found,
    },
  );
}

function collectTensors(
  folder: SourceFolder,
  weightMap: ReadonlyMap<string, string>,
  files: ReadonlyMap<string, SafetensorsFile>,
): ReadonlyMap<string, StoredTensor> {
  const missing = [...weightMap].filter(([name, fileName]) => !files.get(fileName)?.tensors.has(name));
  if (missing.length > 0) {
    const names = missing.map(([name, fileName]) => `${name} (in ${fileName})`);
    throw missingError(folder, names, { code: 'missing-tensors', what: 'tensors' });
  }
  const tensors = new Map<string, StoredTensor>();
  for (const [fileName, file] of files) {
    // The index decides: a tensor that it puts elsewhere, or leaves out, is not part of the model.
    for (const [name, tensor] of file.tensors)
      if (weightMap.get(name) === fileName) tensors.set(name, tensor);
  }
  return tensors;
}

function missingError(
  folder: SourceFolder,
  names: readonly string[],
  { code, what }: { readonly code: string; readonly what: string },
): FormatError {
  const shown =
    names.length > 20 ? [...names.slice(0, 20), `and ${formatCount(names.length - 20)} more`] : names;
  return new FormatError(
    `Cannot open ${folder.name}: ${formatCount(names.length)} ${what} of its index are missing: ${shown.join(', ')}`,
    {
      code,
      hint: 'fetch the missing files into the folder; index and shards have to be of one download',
      expected: `the ${what} that ${INDEX} names`,
      found: `${formatCount(names.length)} missing`,
    },
  );
}
