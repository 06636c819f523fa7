/** A model as it lies on disk, whichever format: what differs between formats in how it is opened ends here. */
import { closeOnThrow } from '../core/closing.ts';
import { FormatError, UnsupportedError, UsageError } from '../core/errors.ts';
import type { ByteSource, SourceFolder, SourceOpener } from './byte-source.ts';
import { isFolder, joinPath, listFolder, openFileSource } from './file-source.ts';
import { openGguf } from './gguf-shards.ts';
import { findString, type GgufMetadata } from './gguf-values.ts';
import { type HfFiles, openHfFolder } from './hf-folder.ts';
import { cutFileError, GGUF_LETTERS, notGgufError, otherKindError } from './misfits.ts';
import { unpackExperts } from './packed-experts.ts';
import { applyScales } from './scaled-tensors.ts';
import type { StoredTensor } from './stored-tensor.ts';

interface OpenFiles {
  /** The path it was opened by; errors name it. */
  readonly origin: string;
  /** What its maker calls it, or the name of its file or folder. */
  readonly name: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** GGUF: all shards together. A folder: its weights. */
  readonly fileBytes: number;
  /** Idempotent. Tensors can't be read afterwards. */
  close(): Promise<void>;
}

export type StoredModel =
  | (OpenFiles & { readonly format: 'gguf'; readonly metadata: GgufMetadata })
  | (OpenFiles & { readonly format: 'hf'; readonly files: HfFiles });

/** A model whose files are not on this machine's disk: a GGUF file with what opens it and its shards, or a folder. */
export type RemoteModel =
  | { readonly path: string; readonly open: SourceOpener }
  | { readonly folder: SourceFolder };

/**
 * Open a GGUF file (any shard of a set, whatever its name), a Hugging Face folder, or a folder with one GGUF model; reads headers
 * and small files only. Throws `FormatError` or `UnsupportedError` naming the file, and saying what it is if not a model.
 */
export async function openStoredModel(model: string | ByteSource | RemoteModel): Promise<StoredModel> {
  if (typeof model !== 'string') {
    if ('folder' in model) return await openFolder(model.folder);
    if ('open' in model) return await openGgufModel(model.path, model.open);
    return await openGgufModel(model.name, openGiven(model));
  }
  if (!(await isFolder(model))) return await openGgufModel(model, openFileSource);
  const path = await ggufInFolder(model);
  return path === undefined ? await openFolder(model) : await openGgufModel(path, openFileSource);
}

/** Opens what is open already; there is nothing next to it. */
function openGiven(source: ByteSource): SourceOpener {
  return async (name) => {
    if (name === source.name) return source;
    throw new UsageError(`Cannot open ${name}: only ${source.name} is given`, {
      code: 'file-not-found',
      hint: 'give the path of a shard, so that the others are found next to it',
    });
  };
}

async function openGgufModel(path: string, open: SourceOpener): Promise<StoredModel> {
  return closeOnThrow(async (own) => {
    const { metadata, tensors, sizeBytes, close } = own(await openGgufOrSay(path, open));
    const kind = findString(metadata, 'general.type') ?? 'model';
    if (kind !== 'model' && kind !== 'vocab') throw otherKindError(path, kind);
    if (isAdapter(tensors)) throw otherKindError(path, 'adapter');
    return {
      format: 'gguf',
      origin: path,
      name: findString(metadata, 'general.name') ?? baseName(path).replace(/\.gguf$/i, ''),
      tensors,
      fileBytes: sizeBytes,
      metadata,
      close,
    };
  });
}

/** As `openGguf`; for a file that is not one, the error says what it is. */
async function openGgufOrSay(path: string, open: SourceOpener): ReturnType<typeof openGguf> {
  const checked: SourceOpener = async (name) => {
    const source = await open(name);
    try {
      const start = name === path ? await source.read(0, Math.min(4, source.size)) : undefined;
      if (start && new TextDecoder().decode(start) !== GGUF_LETTERS)
        throw cutFileError(path) ?? (await notGgufError(source));
      return source;
    } catch (error) {
      await source.close();
      throw error;
    }
  };
  return await openGguf(path, checked).catch((error: unknown) => {
    // The first part of a cut file looks like a GGUF file that is too short.
    throw (error instanceof FormatError && error.code === 'truncated-file' && cutFileError(path)) || error;
  });
}

/** The GGUF model in a folder without `config.json`, or nothing if there is none. Throws `UsageError` for several. */
async function ggufInFolder(path: string): Promise<string | undefined> {
  const names = await listFolder(path);
  if (names.includes('config.json')) return undefined;
  if (names.includes('adapter_config.json')) throw otherKindError(path, 'adapter');
  const models = new Map(
    names
      .filter((name) => /\.gguf$/i.test(name) && !/^mmproj/i.test(name))
      .sort()
      .reverse()
      .map((name) => [name.replace(/-\d{5}-of-(\d{5})(?=\.gguf$)/i, '-of-$1'), name]),
  );
  const found = [...models.values()].reverse();
  if (found.length <= 1) return found.length === 0 ? undefined : joinPath(path, found[0]);
  throw new UsageError(`Cannot choose between the ${found.length} models in ${path}: ${found.join(', ')}`, {
    code: 'several-models',
    hint: `give the path of one: ${joinPath(path, found[0])}`,
  });
}

async function openFolder(given: string | SourceFolder): Promise<StoredModel> {
  const path = typeof given === 'string' ? given : given.name;
  return closeOnThrow(async (own) => {
    const folder = own(await openHfFolder(given));
    if (isAdapter(folder.tensors)) throw otherKindError(path, 'adapter');
    const tensors = applyScales(unpackExperts(folder.tensors), folder.config);
    const other = [...tensors.values()].find(({ name, type }) => !isPlainFloat(type.name) && !isTable(name));
    if (other) {
      throw new UnsupportedError(`${path} stores "${other.name}" as ${other.type.name}`, {
        code: 'unsupported-tensor-type',
        hint: 'use the bf16 release of the model or a GGUF file',
      });
    }
    const stored = [...folder.tensors.values()];
    return {
      format: 'hf',
      origin: path,
      name: baseName(path),
      tensors,
      fileBytes: stored.reduce((sum, tensor) => sum + tensor.sizeBytes, 0),
      files: folder,
      close: () => folder.close(),
    };
  });
}

/** Older adapters do not say what they are, but for the names of their tensors. */
function isAdapter(tensors: ReadonlyMap<string, StoredTensor>): boolean {
  return [...tensors.keys()].some((name) => /\.lora_[ab](\.weight)?$/i.test(name));
}

/** Weights of fewer bits have scales; `applyScales` knows those of eight-bit floats, and without any the values would be wrong. */
function isPlainFloat(type: string): boolean {
  return ['f32', 'f16', 'bf16', 'f64'].includes(type);
}

/** Old exports hold what follows from the configuration, in whatever type. */
function isTable(name: string): boolean {
  return name.endsWith('rotary_emb.inv_freq');
}

function baseName(path: string): string {
  const names = path.split(/[/\\]/).filter((name) => name !== '' && name !== '.');
  return names.at(-1) ?? 'model';
}
