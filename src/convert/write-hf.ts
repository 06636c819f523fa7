/** Writes a model as a Hugging Face folder that transformers loads. */
import { UsageError } from '../core/errors.ts';
import { bf16, f32, type StorageType, storageTypeByName } from '../dtype/index.ts';
import { type SinkFolder, writeAll } from '../format/byte-sink.ts';
import type { HfFiles, JsonObject } from '../format/hf-folder.ts';
import { writeSafetensors } from '../format/safetensors-writer.ts';
import type { WriteOptions, WrittenFiles } from '../format/write-tensors.ts';
import { configToHf } from '../model/config-hf.ts';
import { hfNames, isStacked } from '../model/weights.ts';
import { samplingConfig } from '../text/sampling-defaults.ts';
import { type ConvertSource, runsFor, type SourceWeight, type ValueRun } from './convert-source.ts';
import { encodeRuns } from './encode-runs.ts';
import { tokenizerFiles } from './tokenizer-files.ts';
import { isAlwaysF32 } from './write-gguf.ts';

const TORCH_NAMES: Readonly<Record<string, string>> = { f32: 'float32', f16: 'float16', bf16: 'bfloat16' };

interface TargetTensor {
  readonly name: string;
  readonly type: StorageType;
  readonly shape: readonly number[];
  readonly runs: readonly ValueRun[];
}

/** Throws `UsageError` for types that safetensors lacks, else as `writeGgufModel`. */
export async function writeHfModel(
  source: ConvertSource,
  folder: SinkFolder,
  type: string | undefined,
  options: WriteOptions,
): Promise<WrittenFiles & { readonly numTensors: number }> {
  if (type !== undefined && !(type in TORCH_NAMES)) {
    throw new UsageError(`Cannot write a Hugging Face folder as ${type}: safetensors has no such type`, {
      code: 'no-hf-type',
      hint: 'choose --type bf16, f16 or f32, or an output whose name ends in .gguf',
    });
  }
  const matrixType = type ? storageTypeByName(type) : commonFloat(source);
  const tensors = source.weights.flatMap((weight) => targets(source, weight, matrixType));
  const written = await writeSafetensors(
    folder,
    {
      tensors,
      bytes: ({ runs, type: to, shape }) => encodeRuns(runs, to, shape),
    },
    options,
  );
  let { sizeBytes } = written;
  for (const [name, text] of smallFiles(source, TORCH_NAMES[matrixType.name])) {
    const bytes = new TextEncoder().encode(text);
    await writeAll(await folder.create(name, bytes.length), [bytes]);
    sizeBytes += bytes.length;
  }
  return { files: written.files, sizeBytes, numTensors: tensors.length };
}

/** The float type of the matrices as they are; bf16, the type of the released weights, for quantised ones. */
function commonFloat(source: ConvertSource): StorageType {
  const found = source.weights.find(({ spec }) => spec.name === 'tokenEmbedding')?.runs[0].type;
  return found && found.name in TORCH_NAMES ? found : bf16;
}

/** Experts are matrices of their own here. Router and norms stay f32: readers convert them when they load. */
function targets(source: ConvertSource, weight: SourceWeight, matrixType: StorageType): TargetTensor[] {
  const { spec } = weight;
  const runs = runsFor(weight, source, 'hf');
  const type = isAlwaysF32(spec) ? f32 : matrixType;
  const names = hfNames(spec);
  const shape = isStacked(spec) ? spec.shape.slice(1) : spec.shape;
  return names.map((name, i) => ({
    name,
    type,
    shape,
    runs: names.length === 1 ? runs : runs.slice(i, i + 1),
  }));
}

function* smallFiles(source: ConvertSource, torchType: string): Generator<[name: string, text: string]> {
  const json = (value: JsonObject): string => `${JSON.stringify(value, null, 2)}\n`;
  const { config, generationConfig, tokenizerJson, tokenizerConfig, chatTemplate } = filesOf(
    source,
    torchType,
  );
  yield ['config.json', json(config)];
  if (generationConfig) yield ['generation_config.json', json(generationConfig)];
  if (tokenizerJson) yield ['tokenizer.json', json(tokenizerJson)];
  if (tokenizerConfig) yield ['tokenizer_config.json', json(tokenizerConfig)];
  if (chatTemplate !== undefined) yield ['chat_template.jinja', chatTemplate];
}

function filesOf(
  { files, config, chatTemplate, readTokenizer, samplingDefaults, onWarning }: ConvertSource,
  torchType: string,
): HfFiles {
  // From folder to folder everything stays as it was said, but for the type.
  if (files) return { ...files, config: { ...files.config, torch_dtype: torchType } };
  const tokenizer = readTokenizer();
  const ofTokenizer = tokenizer && tokenizerFiles(tokenizer, config.contextLength, chatTemplate, onWarning);
  const generationConfig = { ...ofTokenizer?.generationConfig, ...samplingConfig(samplingDefaults) };
  return {
    config: configToHf(config, tokenizer?.special.eos.slice(0, 1) ?? [], torchType),
    ...ofTokenizer,
    ...(Object.keys(generationConfig).length > 0 && { generationConfig }),
  };
}
