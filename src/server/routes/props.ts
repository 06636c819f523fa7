import type { Context } from 'hono';
import { countParameters } from '../../model/weights.ts';
import type { AppEnv, ServerContext } from '../context.ts';

/** `GET /props`: what a client can know about the model and this server without asking the model. */
export function props(c: Context<AppEnv>, { served, settings }: ServerContext): Response {
  const { engine } = served;
  const { config, files, routing } = engine;
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
    backend: engine.backend.description,
    chat_template: files.chatTemplate.source,
    has_tokenizer: files.tokenizer !== undefined,
    sampling_defaults: served.samplingDefaults,
    max_choices: settings.maxChoices,
    logprobs:
      'natural logarithm of the softmax of the raw logits, before bias, penalties, temperature and truncation',
  });
}
