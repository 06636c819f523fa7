/** Writes a model as a GGUF file that llama.cpp loads too. Source of keys and rules: llama.cpp's converter. */
import { f16, f32, type StorageType, storageTypeByName } from '../dtype/index.ts';
import { FILE_TYPES } from '../format/gguf-file-types.ts';
import type { GgufMetadata, GgufValue } from '../format/gguf-values.ts';
import { writeGguf } from '../format/gguf-writer.ts';
import type { WriteOptions, WrittenFiles } from '../format/write-tensors.ts';
import type { ModelConfig, WeightSpec } from '../model/architecture.ts';
import { architectureOf } from '../model/architectures.ts';
import { configToGguf } from '../model/config-gguf.ts';
import { countParameters, routedLayers, weightSpecs } from '../model/weights.ts';
import { samplingMetadata } from '../text/sampling-defaults.ts';
import { NORMALIZER_KEY } from '../text/tokenizer-gguf.ts';
import { type ConvertSource, runsFor, type SourceWeight } from './convert-source.ts';
import { encodeRuns } from './encode-runs.ts';
import { tokenizerMetadata } from './tokenizer-gguf.ts';

/** What a command may ask for; other types need more than a conversion. */
export type ConvertType = 'f32' | 'f16' | 'bf16' | 'q8_0';

interface TargetTensor {
  readonly name: string;
  readonly type: StorageType;
  readonly shape: readonly number[];
  readonly weight: SourceWeight;
}

/** Throws `UnsupportedError`, `ResourceError`, or the signal's reason; the file appears whole or not at all. */
export async function writeGgufModel(
  source: ConvertSource,
  path: string,
  type: ConvertType | undefined,
  options: WriteOptions,
): Promise<WrittenFiles & { readonly numTensors: number }> {
  const tensors = source.weights.map((weight) => target(weight, weight.spec.gguf, type));
  const [embedding] = source.weights;
  const { repeatsTiedOutput = false } = architectureOf(source.config);
  if (source.config.tiedEmbeddings && repeatsTiedOutput)
    tensors.push(target(embedding, 'output.weight', type));
  const written = await writeGguf(
    path,
    {
      metadata: source.metadata ? changedMetadata(source.metadata, type) : newMetadata(source, tensors),
      tensors,
      bytes: ({ weight, type: to, shape }) => encodeRuns(runsFor(weight, source, 'gguf'), to, shape),
    },
    options,
  );
  return { ...written, numTensors: tensors.length };
}

function target(weight: SourceWeight, name: string, wanted: ConvertType | undefined): TargetTensor {
  return { name, type: chooseType(weight, wanted), shape: weight.spec.shape, weight };
}

/** Norms, router and its bias are f32 in every file, as all readers expect. Rows that don't divide into blocks get f16. */
function chooseType({ spec, runs }: SourceWeight, wanted: ConvertType | undefined): StorageType {
  if (isAlwaysF32(spec)) return f32;
  const found = runs[0].type;
  if (wanted === undefined) return found.id >= 0 && found.name !== 'f64' ? found : f32;
  const type = storageTypeByName(wanted);
  const rowElements = spec.shape[spec.shape.length - 1];
  return rowElements % type.blockElements === 0 ? type : f16;
}

export function isAlwaysF32(spec: WeightSpec): boolean {
  return spec.isNorm === true || spec.isRouter === true || spec.shape.length === 1;
}

/** GGUF to GGUF: everything stays as it was said, but for what the new types make untrue. */
function changedMetadata(metadata: GgufMetadata, type: ConvertType | undefined): GgufMetadata {
  const changed = new Map(metadata);
  if (type === undefined) return changed;
  changed.set('general.file_type', u32(FILE_TYPES[type]));
  changed.set('general.quantization_version', u32(2));
  for (const key of metadata.keys()) if (key.startsWith('quantize.')) changed.delete(key);
  return changed;
}

function newMetadata(source: ConvertSource, tensors: readonly TargetTensor[]): GgufMetadata {
  const { config, chatTemplate, license, name, origin, samplingDefaults } = source;
  const tokenizer = source.readTokenizer();
  if (tokenizer?.jsonNormalizer)
    source.onWarning(
      `the tokenizer puts text into form NFC, for which GGUF has no key; dots.ts reads ${NORMALIZER_KEY}, and llama.cpp gives ` +
        'text with combining characters other ids',
    );
  const optional = (key: string, value: string | undefined): [string, GgufValue][] =>
    value === undefined ? [] : [[key, string(value)]];
  return new Map<string, GgufValue>([
    ['general.architecture', string(config.architecture)],
    ['general.type', string('model')],
    ['general.name', string(name)],
    ['general.size_label', string(sizeLabel(config))],
    ...optional('general.license', license),
    ...samplingMetadata(samplingDefaults),
    ...fileType(tensors),
    ['general.quantization_version', u32(2)],
    ...configToGguf(config),
    ...(tokenizer ? tokenizerMetadata(tokenizer, config.vocabSize, origin) : noTokenizer()),
    ...optional('tokenizer.chat_template', chatTemplate),
  ]);
}

/** llama.cpp's word for a file that takes and gives ids only. */
function noTokenizer(): [string, GgufValue][] {
  return [['tokenizer.ggml.model', string('no_vocab')]];
}

/** `128x8.7B`: experts, and the parameters of one path through one expert a layer. */
function sizeLabel(config: ModelConfig): string {
  const [routed] = routedLayers(config);
  const { total } = countParameters(config);
  const allExperts = weightSpecs(config)
    .filter(({ numChosen }) => numChosen !== undefined)
    .reduce((sum, { shape }) => sum + shape.reduce((x, y) => x * y), 0);
  const path = total - allExperts + allExperts / (routed?.numExperts ?? 1);
  const [scaled, unit] =
    path >= 1e9 ? [path / 1e9, 'B'] : path >= 1e6 ? [path / 1e6, 'M'] : [path / 1e3, 'K'];
  const size = `${scaled.toFixed(Math.round(scaled) >= 10 ? 0 : 1)}${unit}`;
  return routed ? `${routed.numExperts}x${size}` : size;
}

/** None for a mix that has no number: readers then look at the tensors. */
function fileType(tensors: readonly TargetTensor[]): [string, GgufValue][] {
  const number = FILE_TYPES[commonType(tensors)];
  return number === undefined ? [] : [['general.file_type', u32(number)]];
}

/** The type that most values have. */
function commonType(tensors: readonly TargetTensor[]): string {
  const sizes = new Map<string, number>();
  for (const { type, shape } of tensors) {
    const numElements = shape.reduce((a, b) => a * b, 1);
    sizes.set(type.name, (sizes.get(type.name) ?? 0) + numElements);
  }
  return [...sizes].sort(([, a], [, b]) => b - a)[0][0];
}

function u32(value: number): GgufValue {
  return { type: 'u32', value };
}

function string(value: string): GgufValue {
  return { type: 'string', value };
}
