import type { ModelConfig } from '../model/architecture.ts';
import { architectureOf } from '../model/architectures.ts';

/** LLAMA_MAX_LAYERS */
const MAX_LAYERS = 512;

/** A sentence for each thing that llama.cpp will not do with the GGUF file of a model; empty where it computes what we do. */
export function llamaCppWarnings(config: ModelConfig): string[] {
  const { title, llamaCppProblems } = architectureOf(config);
  const problems = llamaCppProblems(config);
  if (config.numLayers > MAX_LAYERS) {
    const why = `it has ${config.numLayers} layers`;
    problems.push({ effect: 'refuses', why, remedy: `with at most ${MAX_LAYERS} layers` });
  }
  return problems.map(({ effect, why, remedy }) => {
    const result = effect === 'refuses' ? 'cannot load this model' : 'computes different logits';
    return `llama.cpp ${result}: ${why}; run it with dots.ts, or train a ${title} model ${remedy}`;
  });
}
