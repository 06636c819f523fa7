import { UnsupportedError } from '../core/errors.ts';
import { openFileFolder } from '../format/file-source.ts';
import { openGguf } from '../format/gguf-shards.ts';
import { findString, type GgufMetadata } from '../format/gguf-values.ts';
import { type HfFiles, openHfFolder } from '../format/hf-folder.ts';
import type { StoredTensor } from '../format/stored-tensor.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { configFromGguf } from '../model/config-gguf.ts';
import { configFromHf } from '../model/config-hf.ts';
import { type ChatTemplate, chatTemplateFromGguf, chatTemplateFromHf } from '../text/chat-template.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { tokenizerFromGguf } from '../text/tokenizer-gguf.ts';
import { tokenizerFromJson } from '../text/tokenizer-json.ts';

/** A model as it lies on disk: headers read, no weights. What differs between formats ends here. */
export interface ModelFiles {
  readonly format: 'gguf' | 'hf';
  /** The path it was opened by; errors name it. */
  readonly origin: string;
  /** What its maker calls it, or the file's name. */
  readonly name: string;
  readonly config: ModelConfig;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Undefined for files without one: everything that takes token ids still works. */
  readonly tokenizer: Tokenizer | undefined;
  readonly chatTemplate: ChatTemplate;
  /** All shards together. */
  readonly fileBytes: number;
  /** GGUF only. */
  readonly metadata?: GgufMetadata;
  /** Hugging Face folders only. */
  readonly hf?: HfFiles;
  close(): Promise<void>;
}

export interface ModelFilesOptions {
  readonly onWarning?: (message: string) => void;
}

/**
 * Open a `.gguf` file (any shard of a set) or a Hugging Face folder. Reads headers and the tokenizer only.
 * Throws `FormatError` or `UnsupportedError` naming the file.
 */
export async function openModelFiles(path: string, options: ModelFilesOptions = {}): Promise<ModelFiles> {
  return path.toLowerCase().endsWith('.gguf') ? openGgufModel(path, options) : openHfModel(path);
}

async function openGgufModel(path: string, options: ModelFilesOptions): Promise<ModelFiles> {
  const file = await openGguf(path);
  try {
    return {
      format: 'gguf',
      origin: path,
      name: findString(file.metadata, 'general.name') ?? baseName(path),
      config: configFromGguf(file, path),
      tensors: file.tensors,
      tokenizer: tokenizerFromGguf(file.metadata, options),
      chatTemplate: chatTemplateFromGguf(file.metadata),
      fileBytes: file.sizeBytes,
      metadata: file.metadata,
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openHfModel(path: string): Promise<ModelFiles> {
  const folder = await openHfFolder(await openFileFolder(path));
  try {
    const config = configFromHf(folder.config, `${path}/config.json`);
    for (const tensor of folder.tensors.values()) {
      if (tensor.type.isFloat) continue;
      throw new UnsupportedError(`${path} stores "${tensor.name}" as ${tensor.type.name}`, {
        code: 'unsupported-tensor-type',
        hint: 'use the bf16 release of the model or a GGUF file',
      });
    }
    return {
      format: 'hf',
      origin: path,
      name: baseName(path),
      config,
      tensors: folder.tensors,
      tokenizer:
        folder.tokenizerJson && tokenizerFromJson({ ...folder, tokenizerJson: folder.tokenizerJson }),
      chatTemplate: chatTemplateFromHf(folder),
      fileBytes: [...folder.tensors.values()].reduce((sum, tensor) => sum + tensor.sizeBytes, 0),
      hf: folder,
      close: () => folder.close(),
    };
  } catch (error) {
    await folder.close();
    throw error;
  }
}

function baseName(path: string): string {
  return path
    .replace(/[/\\]+$/, '')
    .split(/[/\\]/)
    .at(-1) as string;
}
