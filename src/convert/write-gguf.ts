/** Writes a model as a GGUF file that llama.cpp loads too. Source of keys and rules: llama.cpp's converter. */
import { InternalError } from '../core/errors.ts';
import { fallbackType } from '../dtype/fallback-types.ts';
import { f32, type StorageType, storageTypeByName } from '../dtype/index.ts';
import type { RowEncoder } from '../dtype/row-encoder.ts';
import { FILE_TYPES } from '../format/gguf-file-types.ts';
import type { GgufMetadata, GgufValue } from '../format/gguf-values.ts';
import { type GgufWriteOptions, ggufOverheadBytes, writeGguf } from '../format/gguf-writer.ts';
import type { WrittenFiles } from '../format/write-tensors.ts';
import type { ModelConfig, WeightSpec } from '../model/architecture.ts';
import { architectureOf } from '../model/architectures.ts';
import { configToGguf } from '../model/config-gguf.ts';
import { countParameters, routedLayers, weightSpecs } from '../model/weights.ts';
import { samplingMetadata } from '../text/sampling-defaults.ts';
import { NORMALIZER_KEY } from '../text/tokenizer-gguf.ts';
import { type ConvertSource, runsFor, type SourceWeight } from './convert-source.ts';
import { encodeRuns } from './encode-runs.ts';
import { tokenizerMetadata } from './tokenizer-gguf.ts';

/** How the types of a file were found: a JSON document, which `src/recipe/recipe.ts` reads. It is not true of other types. */
export const RECIPE_KEY = 'dots.recipe';

/** Which storage types a file has. */
export interface GgufTypes {
  /** The type of a matrix, which is `found` now. Norms, routers and vectors are f32 in every file, and have no choice. */
  readonly of: (tensor: TargetName, found: StorageType) => StorageType;
  /** What `general.file_type` says, by name. Absent: what most values are. */
  readonly fileType?: string;
}

export interface TargetName {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface GgufTarget {
  /** Absent: everything stays as it is. */
  readonly types?: GgufTypes;
  /** Metadata in addition to the source's. */
  readonly metadata?: readonly (readonly [string, GgufValue])[];
  /** How much an error counts in each column: a row for each of the tensor's matrices. */
  readonly importance?: (tensor: TargetName) => readonly Float32Array[] | undefined;
  readonly encoder?: (tensor: TargetTensor) => RowEncoder;
}

export interface TargetTensor extends TargetName {
  readonly type: StorageType;
  readonly weight: SourceWeight;
}

/** Throws `UnsupportedError`, `ResourceError`, or the signal's reason; the file appears whole or not at all. */
export async function writeGgufModel(
  source: ConvertSource,
  path: string,
  target: GgufTarget,
  options: GgufWriteOptions<TargetTensor>,
): Promise<WrittenFiles & { readonly numTensors: number }> {
  const tensors = targetTensors(source, target.types);
  const metadata = targetMetadata(source, tensors, target);
  const bytes = (tensor: TargetTensor): AsyncIterable<Uint8Array> => {
    const weight = withImportance(tensor.weight, target.importance?.(tensor));
    const { name, type, shape } = tensor;
    const encoder = target.encoder?.(tensor);
    return encodeRuns(runsFor(weight, source, 'gguf'), type, shape, { name, encoder });
  };
  const written = await writeGguf(path, { metadata, tensors, bytes }, options);
  return { ...written, numTensors: tensors.length };
}

function targetMetadata(
  source: ConvertSource,
  tensors: readonly TargetTensor[],
  { types, metadata = [] }: GgufTarget,
): GgufMetadata {
  return new Map([
    ...(source.metadata ? changedMetadata(source.metadata, types) : newMetadata(source, tensors)),
    ...(types?.fileType === undefined ? [] : fileType(types.fileType)),
    ...metadata,
  ]);
}

/** What a file takes besides its tensors, at most. */
export function overheadBytes(source: ConvertSource, target: GgufTarget): number {
  const tensors = targetTensors(source, target.types);
  return ggufOverheadBytes(targetMetadata(source, tensors, target), tensors);
}

/** Every tensor of the file, in its order, with its type. */
export function targetTensors(source: ConvertSource, types: GgufTypes | undefined): TargetTensor[] {
  const [embedding] = source.weights;
  const { repeatsTiedOutput = false } = architectureOf(source.config);
  const isRepeated = source.config.tiedEmbeddings && repeatsTiedOutput;
  return [
    ...source.weights.map((weight) => ({ name: weight.spec.gguf, weight })),
    ...(isRepeated ? [{ name: 'output.weight', weight: embedding }] : []),
  ].map(({ name, weight }) => {
    const { spec, runs } = weight;
    const { shape } = spec;
    const [{ type: found }] = runs;
    if (isAlwaysF32(spec)) return { name, shape, weight, type: f32 };
    if (types) return { name, shape, weight, type: types.of({ name, shape }, found) };
    return { name, shape, weight, type: found.id >= 0 && found.name !== 'f64' ? found : f32 };
  });
}

/** Experts are runs of their own. */
function withImportance(weight: SourceWeight, rows: readonly Float32Array[] | undefined): SourceWeight {
  if (!rows) return weight;
  const { runs } = weight;
  if (rows.length > 1 && rows.length !== runs.length)
    throw new InternalError(`${weight.spec.gguf} has ${runs.length} runs, but importance for ${rows.length}`);
  return { ...weight, runs: runs.map((run, i) => ({ ...run, importance: rows[rows.length > 1 ? i : 0] })) };
}

/** All matrices as one type, or its fallback where its blocks do not divide the rows. */
export function plainTypes(type: string): GgufTypes {
  return {
    of: ({ shape }) => storageTypeByName(fallbackType(type, shape[shape.length - 1], '2026').type),
    fileType: PLAIN_FILE_TYPES[type] ?? type,
  };
}

/** The K types with a number of their own are named after mixes. */
const PLAIN_FILE_TYPES: Readonly<Record<string, string>> = {
  q3_k: 'q3_k_s',
  q4_k: 'q4_k_s',
  q5_k: 'q5_k_s',
  mxfp4: 'mxfp4_moe',
};

export function isAlwaysF32(spec: WeightSpec): boolean {
  return spec.isNorm === true || spec.isRouter === true || spec.shape.length === 1;
}

/** GGUF to GGUF: everything stays as it was said, but for what the new types make untrue. */
function changedMetadata(metadata: GgufMetadata, types: GgufTypes | undefined): GgufMetadata {
  const changed = new Map(metadata);
  if (types === undefined) return changed;
  // Whoever gives a new one puts it in the same place.
  if (types.fileType === undefined) changed.delete('general.file_type');
  changed.set('general.quantization_version', u32(2));
  for (const key of metadata.keys())
    if (key.startsWith('quantize.') || key === RECIPE_KEY) changed.delete(key);
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
    ...fileType(commonType(tensors)),
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
function fileType(name: string): [string, GgufValue][] {
  const number = FILE_TYPES[name];
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
