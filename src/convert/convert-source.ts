/** What a conversion reads: the weights of either format as runs of stored values, and the facts around them. */
import { UnsupportedError } from '../core/errors.ts';
import type { StorageType } from '../dtype/index.ts';
import { storageBytes } from '../dtype/index.ts';
import { type ByteSource, readAll } from '../format/byte-source.ts';
import { openFileFolder } from '../format/file-source.ts';
import { openGguf } from '../format/gguf-shards.ts';
import { findString, type GgufMetadata } from '../format/gguf-values.ts';
import { type HfFiles, openHfFolder } from '../format/hf-folder.ts';
import type { StoredTensor } from '../format/stored-tensor.ts';
import type { ModelConfig, WeightSpec } from '../model/architecture.ts';
import { bindWeights, type WeightNaming } from '../model/bind-weights.ts';
import { configFromGguf } from '../model/config-gguf.ts';
import { configFromHf } from '../model/config-hf.ts';
import { hfNames, weightSpecs } from '../model/weights.ts';
import { type TokenizerTables, tokenizerFromGguf, tokenizerFromHf } from './tokenizer-tables.ts';

/** Values that lie in a row in one file. */
export interface ValueRun {
  readonly source: ByteSource;
  readonly type: StorageType;
  readonly offset: number;
  readonly numElements: number;
}

export interface SourceWeight {
  readonly spec: WeightSpec;
  /** One run; for stacked experts one for each expert. None where the file leaves an optional weight out: zeros. */
  readonly runs: readonly ValueRun[];
}

export interface ConvertSource {
  readonly kind: WeightNaming;
  readonly name: string;
  readonly config: ModelConfig;
  readonly weights: readonly SourceWeight[];
  readonly tokenizer: TokenizerTables | undefined;
  readonly chatTemplate: string | undefined;
  readonly license: string | undefined;
  /** All keys of a GGUF file. */
  readonly metadata?: GgufMetadata;
  /** The small files of a folder. */
  readonly hf?: HfFiles;
  close(): Promise<void>;
}

type Warn = (message: string) => void;

/** Open a `.gguf` file or a Hugging Face folder; reads headers only. Throws `FormatError` or `UnsupportedError`. */
export function openConvertSource(path: string, onWarning: Warn): Promise<ConvertSource> {
  return path.toLowerCase().endsWith('.gguf')
    ? openGgufSource(path, onWarning)
    : openHfSource(path, onWarning);
}

async function openGgufSource(path: string, onWarning: Warn): Promise<ConvertSource> {
  const file = await openGguf(path);
  try {
    const { metadata, tensors } = file;
    const config = configFromGguf(file, path);
    return {
      kind: 'gguf',
      name: findString(metadata, 'general.name') ?? baseName(path).replace(/\.gguf$/i, ''),
      config,
      weights: collectWeights(config, tensors, 'gguf', path, onWarning),
      tokenizer: tokenizerFromGguf(metadata),
      chatTemplate: findString(metadata, 'tokenizer.chat_template'),
      license: findString(metadata, 'general.license'),
      metadata,
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openHfSource(path: string, onWarning: Warn): Promise<ConvertSource> {
  const folder = await openFileFolder(path);
  const files = await openHfFolder(folder);
  try {
    const config = configFromHf(files.config, `${path}/config.json`);
    checkTypes(files.tensors, path);
    const readme = await folder.open('README.md');
    return {
      kind: 'hf',
      name: baseName(path),
      config,
      weights: collectWeights(config, files.tensors, 'hf', path, onWarning),
      tokenizer: tokenizerFromHf(files, config.vocabSize, path),
      chatTemplate: chatTemplateOf(files),
      license: readme && (await readLicense(readme)),
      hf: files,
      close: () => files.close(),
    };
  } catch (error) {
    await files.close();
    throw error;
  }
}

function collectWeights(
  config: ModelConfig,
  tensors: ReadonlyMap<string, StoredTensor>,
  naming: WeightNaming,
  origin: string,
  onWarning: Warn,
): SourceWeight[] {
  // Refuses files with missing or misshapen tensors, all of them at once.
  const { unused } = bindWeights(config, tensors, naming, origin);
  if (unused.length > 0)
    onWarning(
      `${unused.length} tensors have no place in this architecture and are left out, e.g. ${unused[0]}`,
    );
  return weightSpecs(config).map((spec) => {
    const names = naming === 'gguf' ? [spec.gguf] : hfNames(spec);
    const found = names.flatMap((name) => tensors.get(name) ?? []);
    const isStacked = naming === 'gguf' && spec.hf.includes('{e}');
    return { spec, runs: isStacked ? found.flatMap((tensor) => cutExperts(tensor)) : found.map(wholeRun) };
  });
}

function wholeRun({ source, type, offset, shape }: StoredTensor): ValueRun {
  return { source, type, offset, numElements: shape.reduce((a, b) => a * b, 1) };
}

function cutExperts(tensor: StoredTensor): ValueRun[] {
  const [numExperts, ...matrix] = tensor.shape;
  const numElements = matrix.reduce((a, b) => a * b, 1);
  const sizeBytes = storageBytes(tensor.type, numElements);
  return Array.from({ length: numExperts }, (_, expert) => ({
    source: tensor.source,
    type: tensor.type,
    offset: tensor.offset + expert * sizeBytes,
    numElements,
  }));
}

/** Weights of fewer bits come with scales in tensors of their own; without them the values would be wrong. */
function checkTypes(tensors: ReadonlyMap<string, StoredTensor>, origin: string): void {
  for (const { name, type } of tensors.values()) {
    if (['f32', 'f16', 'bf16', 'f64'].includes(type.name) || name.endsWith('rotary_emb.inv_freq')) continue;
    throw new UnsupportedError(`Cannot convert ${origin}: it stores "${name}" as ${type.name}`, {
      code: 'unsupported-tensor-type',
      hint: 'use the bf16 release of the model or a GGUF file',
    });
  }
}

/** The default one of several. Newer writers keep it in a file of its own, older ones beside the tokenizer's settings. */
function chatTemplateOf(files: HfFiles): string | undefined {
  if (files.chatTemplate !== undefined) return files.chatTemplate;
  const given = files.tokenizerConfig?.chat_template;
  if (typeof given === 'string') return given;
  if (!Array.isArray(given)) return undefined;
  const named = given.find((entry) => entry?.name === 'default') ?? given[0];
  return typeof named?.template === 'string' ? named.template : undefined;
}

/** Model cards begin with a block of settings between lines of `---`; one of them is the licence. */
async function readLicense(readme: ByteSource): Promise<string | undefined> {
  try {
    const text = new TextDecoder().decode(await readAll(readme));
    const [, settings] = /^---\r?\n(.*?)\r?\n---/s.exec(text) ?? [];
    return settings && /^license:[ \t]*["']?([\w.+-]+)/m.exec(settings)?.[1];
  } finally {
    await readme.close();
  }
}

function baseName(path: string): string {
  const names = path.split(/[/\\]/).filter((name) => name !== '' && name !== '.');
  return names.at(-1) ?? 'dots1';
}
