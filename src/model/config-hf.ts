import type { JsonObject } from '../format/hf-folder.ts';
import type { ModelConfig } from './architecture.ts';
import { architectureOf, findArchitecture } from './architectures.ts';
import { checkConfig } from './config.ts';
import { HfFields } from './hf-fields.ts';

/**
 * Read a Hugging Face `config.json`. An output matrix among the `tensors` is used, whether or not the configuration says that
 * there is none. Throws `FormatError` naming every missing or malformed field, `UnsupportedError`
 * for unknown architectures and for variants of known ones.
 */
export function configFromHf(
  json: JsonObject,
  origin = 'config.json',
  tensors?: Pick<ReadonlyMap<string, unknown>, 'has'>,
): ModelConfig {
  const architecture = findArchitecture(json.model_type, (known) => known.hfModelType, origin);
  const fields = new HfFields(json);
  const config = architecture.readHf(fields);
  fields.finish(
    origin,
    architecture.title,
    'take config.json from the model page again; class defaults of other libraries do not describe this model',
  );
  const tiedEmbeddings = config.tiedEmbeddings && tensors?.has('lm_head.weight') !== true;
  return checkConfig({ ...config, tiedEmbeddings }, origin);
}

/** The reverse, in a spelling that every version of transformers reads. */
export function configToHf(config: ModelConfig, eosTokenIds: readonly number[], dtype: string): JsonObject {
  const { hfClass, hfModelType, writeHf } = architectureOf(config);
  const json: JsonObject = {
    bos_token_id: null,
    eos_token_id:
      eosTokenIds.length === 1 ? eosTokenIds[0] : eosTokenIds.length > 1 ? [...eosTokenIds] : null,
    hidden_size: config.hiddenSize,
    max_position_embeddings: config.contextLength,
    num_hidden_layers: config.numLayers,
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tiedEmbeddings,
    torch_dtype: dtype,
    use_cache: true,
    vocab_size: config.vocabSize,
    ...writeHf(config),
  };
  const sorted = Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1));
  return { architectures: [hfClass], model_type: hfModelType, ...Object.fromEntries(sorted) };
}
