import { FormatError } from '../core/errors.ts';
import type { ModelConfig } from './architecture.ts';
import { architectureOf } from './architectures.ts';
import { MAX_LAYERS } from './config-fields.ts';
import { notPositive } from './config-problems.ts';

/** Refuse configurations that no weights could fit. `origin` is the file's name. Throws `FormatError`. */
export function checkConfig<C extends ModelConfig>(config: C, origin: string): C {
  const problems = [
    ...notPositive(config, ['vocabSize', 'hiddenSize', 'numLayers', 'contextLength']),
    ...(config.numLayers > MAX_LAYERS ? [`${config.numLayers} layers, of ${MAX_LAYERS} at most`] : []),
    ...(config.ropeTheta >= 1 ? [] : [`a rope base of ${config.ropeTheta}`]),
    ...architectureOf(config).findProblems(config),
  ];
  if (problems.length > 0) {
    throw new FormatError(`${origin} describes an impossible model: ${problems.join('; ')}`, {
      code: 'impossible-config',
      hint: 'the file is damaged or belongs to another architecture',
    });
  }
  return config;
}
