/** A model as it lies on disk, whichever format: what differs between formats in how it is opened ends here. */
import { closeOnThrow } from '../core/closing.ts';
import { UnsupportedError } from '../core/errors.ts';
import { openGguf } from './gguf-shards.ts';
import { findString, type GgufMetadata } from './gguf-values.ts';
import { type HfFiles, openHfFolder } from './hf-folder.ts';
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

/**
 * Open a `.gguf` file (any shard of a set) or a Hugging Face folder; reads headers and small files only. Throws
 * `FormatError` or `UnsupportedError` naming the file.
 */
export async function openStoredModel(path: string): Promise<StoredModel> {
  return path.toLowerCase().endsWith('.gguf') ? await openGgufModel(path) : await openFolder(path);
}

async function openGgufModel(path: string): Promise<StoredModel> {
  return closeOnThrow(async (own) => {
    const { metadata, tensors, sizeBytes, close } = own(await openGguf(path));
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

async function openFolder(path: string): Promise<StoredModel> {
  return closeOnThrow(async (own) => {
    const folder = own(await openHfFolder(path));
    const scaled = applyScales(folder.tensors, folder.config);
    const tensors = [...folder.tensors.values()];
    const other = [...scaled.values()].find(({ name, type }) => !isPlainFloat(type.name) && !isTable(name));
    if (other) {
      throw new UnsupportedError(`${path} stores "${other.name}" as ${other.type.name}`, {
        code: 'unsupported-tensor-type',
        hint: 'use the bf16 release of the model or a GGUF file',
      });
    }
    return {
      format: 'hf',
      origin: path,
      name: baseName(path),
      tensors: scaled,
      fileBytes: tensors.reduce((sum, tensor) => sum + tensor.sizeBytes, 0),
      files: folder,
      close: () => folder.close(),
    };
  });
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
