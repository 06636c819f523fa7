import type { Context } from 'hono';
import type { Engine } from '../../engine/open.ts';
import { countParameters } from '../../model/weights.ts';
import type { AppEnv, ServerContext } from '../context.ts';
import { memoryUse } from '../memory-use.ts';

/** `GET /props`: what a client can know about the model and this server without asking the model. */
export function props(c: Context<AppEnv>, { served, settings }: ServerContext): Response {
  const { engine } = served;
  const { config, files, routing } = engine;
  const memory = memoryUse(engine);
  return c.json({
    model: served.name,
    model_name: files.name,
    system_fingerprint: served.fingerprint,
    n_ctx: engine.contextLength,
    n_ctx_train: config.contextLength,
    num_layers: config.numLayers,
    num_dense_layers: config.numLayers - routing.layers.length,
    num_experts: routing.numExperts,
    num_experts_per_token: routing.numChosen,
    expert_layers: routing.layers,
    num_shared_experts: config.numSharedExperts ?? 0,
    vocab_size: config.vocabSize,
    parameters: countParameters(config),
    weight_bytes: bytesByType(engine),
    kv_type: engine.kvType,
    memory: {
      weights: memory.weights,
      kv: memory.kv,
      prefix_cache: memory.prefixCache,
      kv_capacity: memory.kvCapacity,
    },
    backend: engine.backend.description,
    chat_template: files.chatTemplate.source,
    has_tokenizer: files.tokenizer !== undefined,
    sampling_defaults: served.samplingDefaults,
    max_choices: settings.maxChoices,
    logprobs:
      'natural logarithm of the softmax of the raw logits, before bias, penalties, temperature and truncation',
  });
}

/** Storage type -> bytes of the weights that have it. */
function bytesByType({ files }: Engine): Readonly<Record<string, number>> {
  const bytes: Record<string, number> = {};
  for (const { type, sizeBytes } of files.tensors.values())
    bytes[type.name] = (bytes[type.name] ?? 0) + sizeBytes;
  return bytes;
}
