import { FormatError, UnsupportedError } from '../core/errors.ts';

/** Everything that shapes a dots1 network. Field names are ours; `config-hf.ts` and `config-gguf.ts` know the files' names. */
export interface Dots1Config {
  readonly vocabSize: number;
  /** D */
  readonly hiddenSize: number;
  readonly numLayers: number;
  /** N */
  readonly numHeads: number;
  /** G; equal to `numHeads` in dots.llm1, smaller where key/value heads are shared */
  readonly numKeyValueHeads: number;
  /** H */
  readonly headSize: number;
  /** Width of the feed-forward network in dense layers. */
  readonly denseSize: number;
  /** F, width of one routed expert. */
  readonly expertSize: number;
  /** E */
  readonly numExperts: number;
  /** K */
  readonly numExpertsPerToken: number;
  readonly numSharedExperts: number;
  /** Layers 0…n−1 have a dense network instead of experts. */
  readonly numDenseLayers: number;
  readonly numGroups: number;
  readonly numKeptGroups: number;
  readonly normalizeTopK: boolean;
  readonly routedScalingFactor: number;
  readonly normEps: number;
  readonly ropeTheta: number;
  readonly contextLength: number;
  /** The output matrix is the embedding table. */
  readonly tiedEmbeddings: boolean;
}

/** Refuse configurations that no weights could fit. `origin` is the file's name. Throws `FormatError`. */
export function checkConfig(config: Dots1Config, origin: string): Dots1Config {
  const problems: string[] = [];
  const positive: readonly (keyof Dots1Config)[] = [
    'vocabSize',
    'hiddenSize',
    'numLayers',
    'numHeads',
    'numKeyValueHeads',
    'headSize',
    'contextLength',
    'numGroups',
    'numKeptGroups',
  ];
  for (const key of positive) requirePositive(config, key, problems);
  if (config.numDenseLayers > 0) requirePositive(config, 'denseSize', problems);
  if (config.numDenseLayers < config.numLayers) {
    for (const key of ['expertSize', 'numExperts', 'numExpertsPerToken'] as const)
      requirePositive(config, key, problems);
    if (config.numExpertsPerToken > config.numExperts)
      problems.push(
        `${config.numExpertsPerToken} experts for each token, but only ${config.numExperts} experts`,
      );
    if (config.numExperts % config.numGroups !== 0)
      problems.push(`${config.numExperts} experts do not divide into ${config.numGroups} groups`);
    if (config.numKeptGroups > config.numGroups)
      problems.push(`${config.numKeptGroups} of ${config.numGroups} groups kept`);
    const reachable = (config.numExperts / config.numGroups) * config.numKeptGroups;
    if (config.numExpertsPerToken > reachable)
      problems.push(
        `${config.numExpertsPerToken} experts for each token, but the kept groups hold ${reachable}`,
      );
  }
  if (config.numHeads % config.numKeyValueHeads !== 0)
    problems.push(
      `${config.numHeads} query heads are no multiple of ${config.numKeyValueHeads} key/value heads`,
    );
  if (config.headSize % 2 !== 0)
    problems.push(`a head width of ${config.headSize} cannot be rotated in pairs`);
  if (!(config.normEps > 0)) problems.push(`a norm epsilon of ${config.normEps}`);
  if (!(config.ropeTheta > 0)) problems.push(`a rope base of ${config.ropeTheta}`);
  if (!Number.isFinite(config.routedScalingFactor))
    problems.push('a routed scaling factor that is no number');
  if (problems.length > 0) {
    throw new FormatError(`${origin} describes an impossible model: ${problems.join('; ')}`, {
      code: 'impossible-config',
      hint: 'the file is damaged or belongs to another architecture',
    });
  }
  return config;
}

function requirePositive(config: Dots1Config, key: keyof Dots1Config, problems: string[]): void {
  const value = config[key];
  // 2^31 bounds every single axis; products are checked against the file when tensors are bound.
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value >= 2 ** 31)
    problems.push(`${key} = ${String(value)}`);
}

/** The architecture this project has; everything else is refused by name. */
export function checkArchitecture(found: string | undefined, origin: string): void {
  if (found === 'dots1') return;
  throw new UnsupportedError(
    `${origin} holds the architecture ${JSON.stringify(found ?? '(none)')}, not "dots1"`,
    {
      code: 'wrong-architecture',
      hint: 'dots.ts runs dots.llm1 and models of its architecture only',
    },
  );
}

/** Parameters in total and those that one token meets (embedding table included, as the model card counts). */
export function countParameters(config: Dots1Config): { total: number; active: number } {
  const { hiddenSize: D, vocabSize: V, headSize: H } = config;
  const attention = D * H * (2 * config.numHeads + 2 * config.numKeyValueHeads) + 2 * H + 2 * D;
  const numMoeLayers = config.numLayers - config.numDenseLayers;
  const expert = 3 * D * config.expertSize;
  const aroundExperts = expert * config.numSharedExperts + config.numExperts * (D + 1);
  const common =
    V * D * (config.tiedEmbeddings ? 1 : 2) +
    D +
    config.numLayers * attention +
    config.numDenseLayers * 3 * D * config.denseSize +
    numMoeLayers * aroundExperts;
  return {
    total: common + numMoeLayers * config.numExperts * expert,
    active: common + numMoeLayers * config.numExpertsPerToken * expert,
  };
}
