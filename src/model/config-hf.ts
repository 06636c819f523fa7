import { FormatError, UnsupportedError } from '../core/errors.ts';
import { checkArchitecture, checkConfig, type Dots1Config } from './config.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * Read a Hugging Face `config.json`. Absent fields are never filled from transformers' class defaults: those describe
 * another network. Throws `FormatError` naming every missing or malformed field, `UnsupportedError` for other models.
 */
export function configFromHf(json: Json, origin = 'config.json'): Dots1Config {
  checkArchitecture(typeof json.model_type === 'string' ? json.model_type : undefined, origin);
  const problems: string[] = [];
  const fields = new HfFields(json, problems);
  refuseVariants(json, fields, origin);

  const numHeads = fields.number('num_attention_heads');
  const hiddenSize = fields.number('hidden_size');
  const config: Dots1Config = {
    vocabSize: fields.number('vocab_size'),
    hiddenSize,
    numLayers: fields.number('num_hidden_layers'),
    numHeads,
    numKeyValueHeads: fields.number('num_key_value_heads', numHeads),
    headSize: fields.number('head_dim', hiddenSize / numHeads),
    denseSize: fields.number('intermediate_size'),
    expertSize: fields.number('moe_intermediate_size'),
    numExperts: fields.number('n_routed_experts'),
    numExpertsPerToken: fields.number('num_experts_per_tok'),
    numSharedExperts: fields.number('n_shared_experts'),
    numDenseLayers: Math.min(fields.number('first_k_dense_replace'), fields.number('num_hidden_layers')),
    numGroups: fields.number('n_group', 1),
    numKeptGroups: fields.number('topk_group', 1),
    normalizeTopK: fields.boolean('norm_topk_prob'),
    routedScalingFactor: fields.number('routed_scaling_factor'),
    normEps: fields.number('rms_norm_eps'),
    ropeTheta: fields.ropeTheta(),
    contextLength: fields.number('max_position_embeddings'),
    tiedEmbeddings: fields.boolean('tie_word_embeddings', false),
  };
  if (problems.length > 0) {
    throw new FormatError(`Cannot read the model's configuration from ${origin}: ${problems.join('; ')}`, {
      code: 'bad-config',
      hint: 'take config.json from the model page again; class defaults of other libraries do not describe this model',
    });
  }
  return checkConfig(config, origin);
}

/** The reverse, in the spelling of the released files, which every version of transformers reads. */
export function configToHf(config: Dots1Config, eosTokenIds: readonly number[], dtype: string): Json {
  return {
    architectures: ['Dots1ForCausalLM'],
    model_type: 'dots1',
    attention_bias: false,
    attention_dropout: 0,
    bos_token_id: null,
    eos_token_id:
      eosTokenIds.length === 1 ? eosTokenIds[0] : eosTokenIds.length > 1 ? [...eosTokenIds] : null,
    first_k_dense_replace: config.numDenseLayers,
    head_dim: config.headSize,
    hidden_act: 'silu',
    hidden_size: config.hiddenSize,
    initializer_range: 0.006,
    intermediate_size: config.denseSize,
    max_position_embeddings: config.contextLength,
    max_window_layers: config.numLayers,
    moe_intermediate_size: config.expertSize,
    moe_layer_freq: 1,
    n_group: config.numGroups,
    n_routed_experts: config.numExperts,
    n_shared_experts: config.numSharedExperts,
    norm_topk_prob: config.normalizeTopK,
    num_attention_heads: config.numHeads,
    num_experts_per_tok: config.numExpertsPerToken,
    num_hidden_layers: config.numLayers,
    num_key_value_heads: config.numKeyValueHeads,
    rms_norm_eps: config.normEps,
    rope_scaling: null,
    rope_theta: config.ropeTheta,
    routed_scaling_factor: config.routedScalingFactor,
    scoring_func: 'sigmoid',
    sliding_window: null,
    tie_word_embeddings: config.tiedEmbeddings,
    topk_group: config.numKeptGroups,
    topk_method: 'noaux_tc',
    torch_dtype: dtype,
    use_cache: true,
    vocab_size: config.vocabSize,
  };
}

/** Reads fields and collects every problem, so that the user sees all of them at once. */
class HfFields {
  private readonly json: Json;
  private readonly problems: string[];

  constructor(json: Json, problems: string[]) {
    this.json = json;
    this.problems = problems;
  }

  number(name: string, fallback?: number): number {
    const value = this.json[name] ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    return this.bad(name, value, 'a number', Number.NaN);
  }

  boolean(name: string, fallback?: boolean): boolean {
    const value = this.json[name] ?? fallback;
    if (typeof value === 'boolean') return value;
    return this.bad(name, value, 'true or false', false);
  }

  /** Newer writers nest the base: `rope_parameters: { rope_theta, rope_type: "default" }`. */
  ropeTheta(): number {
    const nested = this.json.rope_parameters;
    const inner = typeof nested === 'object' && nested !== null ? (nested as Json).rope_theta : undefined;
    const value = this.json.rope_theta ?? inner;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    return this.bad('rope_theta', value, 'a number', Number.NaN);
  }

  private bad<T>(name: string, value: unknown, expected: string, placeholder: T): T {
    this.problems.push(
      value === undefined || value === null
        ? `"${name}" is missing`
        : `"${name}" is ${JSON.stringify(value)}, expected ${expected}`,
    );
    return placeholder;
  }
}

/** Variants that the architecture class allows but that would be computed wrongly if ignored. */
function refuseVariants(json: Json, fields: HfFields, origin: string): void {
  const refuse = (what: string): never => {
    throw new UnsupportedError(`${origin} asks for ${what}, which dots.llm1 does not have`, {
      code: 'unsupported-variant',
      hint: 'open an issue with the name of the model that needs it',
    });
  };
  const scoring = json.scoring_func ?? 'sigmoid';
  // "noaux_tc" stood here by mistake in the first release; it means sigmoid.
  if (scoring !== 'sigmoid' && scoring !== 'noaux_tc') refuse(`router scores by ${JSON.stringify(scoring)}`);
  if (json.hidden_act !== undefined && json.hidden_act !== 'silu')
    refuse(`the activation ${JSON.stringify(json.hidden_act)}`);
  if (json.attention_bias === true) refuse('biases in attention');
  if (fields.number('moe_layer_freq', 1) !== 1) refuse('experts in every n-th layer only');
  const scaling = json.rope_scaling ?? json.rope_parameters;
  if (typeof scaling === 'object' && scaling !== null) {
    const kind = (scaling as Json).rope_type ?? (scaling as Json).type ?? 'default';
    if (kind !== 'default') refuse(`rope scaling of type ${JSON.stringify(kind)}`);
  }
  // The class default is a window of 4,096 from layer `max_window_layers` on; only a window that some layer uses matters.
  const window = json.sliding_window ?? null;
  const firstWindowed = fields.number('max_window_layers', 62);
  const types = Array.isArray(json.layer_types) ? json.layer_types : [];
  if (types.some((type) => type !== 'full_attention')) refuse('sliding-window attention');
  if (types.length === 0 && window !== null && firstWindowed < fields.number('num_hidden_layers', 0))
    refuse('sliding-window attention');
}
