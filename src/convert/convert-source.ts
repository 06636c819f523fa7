/** What a conversion reads: the weights of either format as runs of stored values, and the facts around them. */
import { f32, type StorageType, storageBytes } from '../dtype/index.ts';
import type { ByteSource } from '../format/byte-source.ts';
import { findString, type GgufMetadata } from '../format/gguf-values.ts';
import type { HfFiles } from '../format/hf-folder.ts';
import { memorySource } from '../format/memory-source.ts';
import { openStoredModel, type StoredModel } from '../format/stored-model.ts';
import type { StoredTensor } from '../format/stored-tensor.ts';
import type { ModelConfig, WeightSpec } from '../model/architecture.ts';
import { bindWeights } from '../model/bind-weights.ts';
import { readConfig } from '../model/read-config.ts';
import { rowOrder } from '../model/row-order.ts';
import { hfNames, isStacked, weightSpecs } from '../model/weights.ts';
import { readChatTemplate, readTokenizerSource } from '../text/model-text.ts';
import { readSamplingDefaults, type SamplingDefaults } from '../text/sampling-defaults.ts';
import type { TokenizerSource } from '../text/tokenizer.ts';

/** Whole rows of a tensor that follow each other in one file. */
export interface ValueRun {
  readonly source: ByteSource;
  readonly type: StorageType;
  readonly offset: number;
  readonly numElements: number;
  /** How much an error counts in each column, for types that can make use of it. */
  readonly importance?: Float32Array;
}

export interface SourceWeight {
  readonly spec: WeightSpec;
  /** One run; for stacked experts one for each expert. */
  readonly runs: readonly ValueRun[];
}

export interface ConvertSource {
  /** What errors call it. */
  readonly origin: string;
  readonly name: string;
  readonly config: ModelConfig;
  readonly weights: readonly SourceWeight[];
  /** Undefined for a model without one. Throws for one that the other format can't hold. */
  readonly readTokenizer: () => TokenizerSource | undefined;
  /** For what a format cannot hold. */
  readonly onWarning: Warn;
  readonly chatTemplate: string | undefined;
  readonly samplingDefaults: SamplingDefaults;
  readonly license: string | undefined;
  /** All keys of a GGUF file. */
  readonly metadata?: GgufMetadata;
  /** The small files of a folder. */
  readonly files?: HfFiles;
  close(): Promise<void>;
}

type Warn = (message: string) => void;

/** Open a `.gguf` file or a Hugging Face folder; reads headers only. Throws `FormatError` or `UnsupportedError`. */
export async function openConvertSource(path: string, onWarning: Warn): Promise<ConvertSource> {
  const model = await openStoredModel(path);
  try {
    const config = readConfig(model);
    const template = readChatTemplate(model);
    return {
      origin: path,
      name: model.name,
      config,
      weights: collectWeights(config, model, onWarning),
      readTokenizer: () => readTokenizerSource(model, { onWarning }),
      onWarning,
      chatTemplate: template.isFallback ? undefined : template.source,
      samplingDefaults: readSamplingDefaults(model, onWarning),
      license: licenseOf(model),
      ...(model.format === 'gguf' ? { metadata: model.metadata } : { files: model.files }),
      close: () => model.close(),
    };
  } catch (error) {
    await model.close();
    throw error;
  }
}

function collectWeights(
  config: ModelConfig,
  { format: naming, tensors, origin }: StoredModel,
  onWarning: Warn,
): SourceWeight[] {
  // Refuses files with missing or misshapen tensors, all of them at once.
  const { unused } = bindWeights(config, tensors, naming, origin);
  if (unused.length > 0)
    onWarning(
      `${unused.length} tensors are not part of this architecture and are left out, e.g. ${unused[0]}`,
    );
  return weightSpecs(config).map((spec) => {
    const names = naming === 'gguf' ? [spec.gguf] : hfNames(spec);
    const found = names.flatMap((name) => tensors.get(name) ?? []);
    if (found.length === 0 && spec.fallback) return { spec, runs: [valuesRun(spec.name, spec.fallback())] };
    const isCut = naming === 'gguf' && isStacked(spec);
    return { spec, runs: isCut ? found.flatMap((tensor) => cutExperts(tensor)) : found.map(wholeRun) };
  });
}

/** The runs of a weight in the row order of a format. */
export function runsFor(
  { spec, runs }: SourceWeight,
  source: ConvertSource,
  format: 'gguf' | 'hf',
): readonly ValueRun[] {
  const order = rowOrder(spec, source.metadata ? 'gguf' : 'hf', format);
  if (!order) return runs;
  const [run] = runs;
  const numElements = spec.shape[1];
  return Array.from(order, (row) => {
    const offset = run.offset + storageBytes(run.type, row * numElements);
    return { ...run, offset, numElements };
  });
}

function valuesRun(name: string, values: Float32Array<ArrayBuffer>): ValueRun {
  const source = memorySource(new Uint8Array(values.buffer), name);
  return { source, type: f32, offset: 0, numElements: values.length };
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

/** Model cards begin with a block of settings between lines of `---`; one of them is the licence. */
function licenseOf(model: StoredModel): string | undefined {
  if (model.format === 'gguf') return findString(model.metadata, 'general.license');
  const [, settings] = /^---\r?\n(.*?)\r?\n---/s.exec(model.files.modelCard ?? '') ?? [];
  return settings && /^license:[ \t]*["']?([\w.+-]+)/m.exec(settings)?.[1];
}
