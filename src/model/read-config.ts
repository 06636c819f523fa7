import type { StoredModel } from '../format/stored-model.ts';
import type { ModelConfig } from './architecture.ts';
import { configFromGguf } from './config-gguf.ts';
import { configFromHf } from './config-hf.ts';

/** The configuration of a model on disk, whichever its format. Throws as `configFromGguf` and `configFromHf`. */
export function readConfig(model: StoredModel): ModelConfig {
  return model.format === 'gguf'
    ? configFromGguf(model, model.origin)
    : configFromHf(model.files.config, `${model.origin}/config.json`, model.tensors);
}
