import { FormatError, UnsupportedError } from '../core/errors.ts';
import { checkArchitecture, checkConfig, type Dots1Config } from './config.ts';

/** The part of a GGUF file that a configuration is read from. */
export interface GgufFacts {
  readonly metadata: ReadonlyMap<string, { readonly value: unknown }>;
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>;
}

const ARCHITECTURE = 'dots1';

/** Read the `dots1.*` keys. Throws `FormatError` naming every missing or malformed key, `UnsupportedError` for other models. */
export function configFromGguf(file: GgufFacts, origin: string): Dots1Config {
  const architecture = file.metadata.get('general.architecture')?.value;
  checkArchitecture(typeof architecture === 'string' ? architecture : undefined, origin);
  const problems: string[] = [];
  const read = (key: string, fallback?: number): number => {
    const value = uniform(file.metadata.get(`${ARCHITECTURE}.${key}`)?.value) ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    problems.push(
      value === undefined
        ? `"${ARCHITECTURE}.${key}" is missing`
        : `"${ARCHITECTURE}.${key}" is not one number`,
    );
    return Number.NaN;
  };
  refuseVariants(file, read, origin);

  const numHeads = read('attention.head_count');
  const hiddenSize = read('embedding_length');
  const numLayers = read('block_count');
  const normalize = file.metadata.get(`${ARCHITECTURE}.expert_weights_norm`)?.value;
  const config: Dots1Config = {
    vocabSize: file.tensors.get('token_embd.weight')?.shape[0] ?? read('vocab_size'),
    hiddenSize,
    numLayers,
    numHeads,
    numKeyValueHeads: read('attention.head_count_kv', numHeads),
    headSize: read('attention.key_length', hiddenSize / numHeads),
    denseSize: read('feed_forward_length'),
    expertSize: read('expert_feed_forward_length'),
    numExperts: read('expert_count'),
    numExpertsPerToken: read('expert_used_count'),
    numSharedExperts: read('expert_shared_count'),
    numDenseLayers: Math.min(read('leading_dense_block_count'), numLayers),
    numGroups: read('expert_group_count', 1),
    numKeptGroups: read('expert_group_used_count', 1),
    // Absent would mean "false" to llama.cpp's loader, but every dots1 model normalises.
    normalizeTopK: normalize === undefined ? true : normalize === true,
    routedScalingFactor: read('expert_weights_scale'),
    normEps: roundedToDecimal(read('attention.layer_norm_rms_epsilon')),
    ropeTheta: read('rope.freq_base', 10_000),
    contextLength: read('context_length'),
    tiedEmbeddings: !file.tensors.has('output.weight'),
  };
  if (problems.length > 0) {
    throw new FormatError(`Cannot read the model's configuration from ${origin}: ${problems.join('; ')}`, {
      code: 'bad-config',
      hint: 'the conversion left keys out; convert the model again with a current converter',
    });
  }
  return checkConfig(config, origin);
}

/** GGUF stores 32-bit floats: 1e-5 comes back as 9.999999747378752e-6. The shortest decimal that rounds to the same float was meant. */
function roundedToDecimal(value: number): number {
  const decimal = Number(value.toPrecision(7));
  return Math.fround(decimal) === Math.fround(value) ? decimal : value;
}

/** Head counts and widths may be given layer by layer; this architecture has the same everywhere. */
function uniform(value: unknown): unknown {
  if (!Array.isArray(value) && !ArrayBuffer.isView(value))
    return typeof value === 'bigint' ? Number(value) : value;
  const items = Array.from(value as unknown as ArrayLike<unknown>);
  return items.length > 0 && items.every((item) => item === items[0]) ? items[0] : items;
}

function refuseVariants(
  file: GgufFacts,
  read: (key: string, fallback: number) => number,
  origin: string,
): void {
  const gating = read('expert_gating_func', 2);
  const valueSize = read('attention.value_length', 0);
  const rotated = read('rope.dimension_count', 0);
  const headSize = read(
    'attention.key_length',
    read('embedding_length', 0) / read('attention.head_count', 1),
  );
  const scaling = file.metadata.get(`${ARCHITECTURE}.rope.scaling.type`)?.value;
  const variants = [
    gating !== 2 && `a gating function numbered ${gating} (2, sigmoid, is the one)`,
    valueSize !== 0 && valueSize !== headSize && `values ${valueSize} wide beside keys ${headSize} wide`,
    rotated !== 0 && rotated !== headSize && `rotation of ${rotated} of ${headSize} dimensions`,
    scaling !== undefined && scaling !== 'none' && `rope scaling of type ${JSON.stringify(scaling)}`,
  ].filter((variant) => typeof variant === 'string');
  if (variants.length === 0) return;
  throw new UnsupportedError(`${origin} asks for ${variants.join('; ')}, which dots.llm1 does not have`, {
    code: 'unsupported-variant',
    hint: 'open an issue with the name of the model that needs it',
  });
}
