/**
 * How the makers of a model want its answers sampled, as its files say: `generation_config.json` of a folder, or
 * `general.sampling.*` of a GGUF file. Source of the keys: transformers' `GenerationConfig`, and llama.cpp.
 */
import type { GgufValue } from '../format/gguf-values.ts';
import type { JsonObject } from '../format/hf-folder.ts';
import type { StoredModel } from '../format/stored-model.ts';

/** What a request gets that does not say otherwise. Absent: as `SamplingOptions` say. */
export interface SamplingDefaults {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
}

interface Field {
  readonly name: keyof SamplingDefaults;
  readonly hf: string;
  readonly gguf: string;
  readonly type: 'f32' | 'i32';
  readonly isValid: (value: number) => boolean;
}

const FIELDS: readonly Field[] = [
  field('temperature', 'temperature', 'temp', (value) => value >= 0 && value <= 100),
  field('topK', 'top_k', 'top_k', (value) => Number.isInteger(value) && value >= -1 && value < 2 ** 31),
  field('topP', 'top_p', 'top_p', (value) => value > 0 && value <= 1),
  field('minP', 'min_p', 'min_p', (value) => value >= 0 && value <= 1),
  field(
    'repetitionPenalty',
    'repetition_penalty',
    'penalty_repeat',
    (value) => value >= 1e-6 && value <= 1e6,
  ),
];

function field(name: Field['name'], hf: string, gguf: string, isValid: Field['isValid']): Field {
  return { name, hf, gguf: `general.sampling.${gguf}`, type: name === 'topK' ? 'i32' : 'f32', isValid };
}

/**
 * `do_sample` counts for nothing: most folders lack it and mean their values all the same. Values that no sampler can use are left out
 * with a warning: they are advice, and no reason to refuse a model.
 */
export function readSamplingDefaults(
  model: StoredModel,
  onWarning: (message: string) => void = () => {},
): SamplingDefaults {
  const config = model.format === 'hf' ? (model.files.generationConfig ?? {}) : undefined;
  const defaults: { -readonly [Name in keyof SamplingDefaults]: number } = {};
  for (const { name, hf, gguf, isValid } of FIELDS) {
    const value = config
      ? config[hf]
      : model.format === 'gguf'
        ? plainNumber(model.metadata.get(gguf))
        : undefined;
    if (value === undefined || value === null) continue;
    if (typeof value === 'number' && isValid(value)) defaults[name] = value;
    else
      onWarning(
        `${model.origin} recommends ${config ? hf : gguf} ${JSON.stringify(value)}, which is ignored`,
      );
  }
  return defaults;
}

/** As metadata of a GGUF file. */
export function samplingMetadata(defaults: SamplingDefaults): [string, GgufValue][] {
  return FIELDS.flatMap(({ name, gguf, type }): [string, GgufValue][] => {
    const value = defaults[name];
    return value === undefined ? [] : [[gguf, { type, value }]];
  });
}

/** As part of `generation_config.json`. transformers decodes greedily without `do_sample`. */
export function samplingConfig(defaults: SamplingDefaults): JsonObject {
  const values = FIELDS.flatMap(({ name, hf }) => {
    const value = defaults[name];
    return value === undefined ? [] : [[hf, value] as const];
  });
  return values.length === 0 ? {} : { do_sample: defaults.temperature !== 0, ...Object.fromEntries(values) };
}

/** f32 as the decimal number that was meant: 0.3, not 0.30000001192092896. */
function plainNumber(value: GgufValue | undefined): unknown {
  if (value?.type === 'f32') return Number(value.value.toPrecision(7));
  return typeof value?.value === 'bigint' ? Number(value.value) : value?.value;
}
