/**
 * Named mixes (`q4_k_m`, `iq2_xxs`, …): which storage type each tensor of a model gets in a file that llama.cpp's quantiser
 * writes. Source of the rules: `llama-quant.cpp` of llama.cpp; test/golden/quantize/mixes.json holds its answers.
 */
import { type Fallbacks, fallbackType } from '../dtype/fallback-types.ts';
import { storageTypeByName } from '../dtype/index.ts';

/** A tensor as a GGUF file names it; shape row-major, outermost axis first. */
export interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What the rules ask of a model besides its tensors. */
export interface MixModel {
  readonly architecture: string;
  readonly numLayers: number;
}

export interface MixOptions {
  /** Whether there is an importance matrix. */
  readonly hasImportance: boolean;
  readonly fallbacks: Fallbacks;
}

export interface StockType {
  /** Name of the storage type that the tensor is stored as. */
  readonly type: string;
  /** The mix's own choice, where its blocks do not divide the tensor's rows. */
  readonly insteadOf?: string;
}

type Part = 'output' | 'embedding' | 'attnQ' | 'attnK' | 'attnV' | 'attnOutput' | 'gateUp' | 'down' | 'other';

/** A tensor among its like. */
interface Place {
  readonly layer: number;
  readonly numLayers: number;
  /** How many tensors of the same part come before it, layer by layer and by name within one; and how many there are. */
  readonly index: number;
  readonly count: number;
  readonly numExperts: number;
  /** Heads of queries for each head of keys. */
  readonly groupSize: number;
  readonly hasImportance: boolean;
}

type Choice = string | ((place: Place) => string);

/** Parts that a mix does not name have its base type; the output matrix q6_k. */
interface Mix extends Partial<Record<Exclude<Part, 'other'>, Choice>> {
  readonly base: string;
  /** Stacked expert matrices. */
  readonly experts?: string;
}

const isEarly = ({ layer, numLayers }: Place): boolean => layer < Math.floor(numLayers / 8);

/** The first eighth, the last eighth, and every third between. */
function isFavoured(i: number, n: number): boolean {
  const eighth = Math.floor(n / 8);
  return i < eighth || i >= Math.floor((7 * n) / 8) || (i - eighth) % 3 === 2;
}

const whereEarly = (early: string, later: string): Choice => {
  return (place) => (isEarly(place) ? early : later);
};
const whereGrouped = (grouped: string, otherwise: string): Choice => {
  return ({ groupSize }) => (groupSize >= 4 ? grouped : otherwise);
};

/** One type, with more bits for a part of the value and down matrices. */
function mediumMix(base: string): Mix {
  return {
    base,
    attnV: ({ index, count }) => (isFavoured(index, count) ? 'q6_k' : base),
    down: ({ layer, numLayers }) => (isFavoured(layer, numLayers) ? 'q6_k' : base),
  };
}

/** An early down matrix goes wrong in four or five bits without a minimum once errors are weighted. */
function legacyMix(base: string, early: string): Mix {
  return { base, down: (place) => (place.hasImportance && isEarly(place) ? early : base) };
}

function fourBitMix(base: string): Mix {
  return {
    base,
    attnV: whereGrouped('q5_k', base),
    down: (place) => (!place.hasImportance && isEarly(place) ? 'q5_k' : base),
  };
}

/** Around two bits and below: `better` is for what must not fall as low. */
function lowMix(base: string, better: string, attnOutput: string): Mix {
  return {
    base,
    output: 'q5_k',
    embedding: better,
    attnK: ({ numExperts }) => (numExperts === 8 ? 'q4_k' : base),
    attnV: ({ groupSize, numExperts }) => (groupSize >= 4 || numExperts >= 4 ? 'q4_k' : better),
    attnOutput: ({ numExperts }) => (numExperts === 8 ? 'q5_k' : attnOutput),
    // Counts tensors, of which a layer with shared experts has two, up to an eighth of the number of layers.
    down: ({ index, numLayers }) => (index < Math.floor(numLayers / 8) ? better : base),
  };
}

const MIXES: Readonly<Record<string, Mix>> = {
  q4_0: legacyMix('q4_0', 'q4_1'),
  q4_1: { base: 'q4_1' },
  q5_0: legacyMix('q5_0', 'q5_1'),
  q5_1: { base: 'q5_1' },
  q8_0: { base: 'q8_0', output: 'q8_0' },
  q2_k: { base: 'q2_k', attnV: whereGrouped('q4_k', 'q3_k'), attnOutput: 'q3_k', down: 'q3_k' },
  q2_k_s: { base: 'q2_k', attnV: whereGrouped('q4_k', 'q2_k'), down: whereEarly('q4_k', 'q2_k') },
  q3_k_s: { base: 'q3_k' },
  q3_k_m: {
    base: 'q3_k',
    attnV: ({ index }) => (index < 2 ? 'q5_k' : 'q4_k'),
    attnOutput: 'q4_k',
    down: ({ layer, numLayers }) => (layer < Math.floor(numLayers / 16) ? 'q5_k' : 'q4_k'),
  },
  q3_k_l: { base: 'q3_k', attnV: 'q5_k', attnOutput: 'q5_k', down: 'q5_k' },
  q4_k_s: {
    base: 'q4_k',
    attnV: ({ index }) => (index < 4 ? 'q5_k' : 'q4_k'),
    down: whereEarly('q5_k', 'q4_k'),
  },
  q4_k_m: mediumMix('q4_k'),
  q5_k_s: { base: 'q5_k' },
  q5_k_m: mediumMix('q5_k'),
  q6_k: { base: 'q6_k' },
  iq1_s: lowMix('iq1_s', 'q2_k', 'iq2_xxs'),
  iq1_m: lowMix('iq1_m', 'q2_k', 'iq2_xxs'),
  iq2_xxs: lowMix('iq2_xxs', 'q2_k', 'iq2_xxs'),
  iq2_xs: lowMix('iq2_xs', 'q2_k', 'iq2_xs'),
  iq2_s: lowMix('iq2_xs', 'iq3_s', 'iq3_s'),
  iq2_m: lowMix('iq2_s', 'iq3_s', 'iq3_s'),
  iq3_xxs: {
    base: 'iq3_xxs',
    output: 'q5_k',
    embedding: 'iq3_s',
    attnQ: 'iq2_s',
    attnK: 'iq2_s',
    attnV: ({ groupSize, hasImportance }) => (groupSize >= 4 ? 'q4_k' : hasImportance ? 'iq3_xxs' : 'iq3_s'),
    attnOutput: 'iq3_s',
    down: (place) => (place.hasImportance ? 'iq3_xxs' : isEarly(place) ? 'q4_k' : 'q3_k'),
  },
  iq3_xs: {
    base: 'iq3_s',
    attnQ: 'iq3_xxs',
    attnK: 'iq3_xxs',
    attnV: whereGrouped('q4_k', 'iq3_s'),
    gateUp: ({ layer, numLayers }) =>
      layer >= Math.floor(numLayers / 8) && layer < Math.floor((7 * numLayers) / 8) ? 'iq3_xxs' : 'iq3_s',
  },
  iq3_s: { base: 'iq3_s', attnV: whereGrouped('q4_k', 'iq3_s') },
  iq3_m: {
    base: 'iq3_s',
    attnV: 'q4_k',
    attnOutput: 'q4_k',
    down: (place) =>
      isEarly(place) || (place.numExperts === 8 && isFavoured(place.layer, place.numLayers))
        ? 'q4_k'
        : 'iq3_s',
  },
  iq4_nl: fourBitMix('iq4_nl'),
  iq4_xs: fourBitMix('iq4_xs'),
  tq1_0: { base: 'tq1_0', embedding: 'q4_k' },
  tq2_0: { base: 'tq2_0', embedding: 'q4_k' },
  mxfp4_moe: { base: 'q8_0', output: 'q8_0', experts: 'mxfp4' },
  nvfp4: { base: 'nvfp4' },
  q1_0: { base: 'q1_0' },
};

export const STOCK_MIXES: readonly string[] = Object.keys(MIXES);

/** Models with 8 experts (Mixtral) have mixes of their own where these name nothing. */
const EIGHT_EXPERTS_OUTPUT = new Set([
  'q2_k',
  'q3_k_s',
  'q3_k_m',
  'q4_k_s',
  'q4_k_m',
  'iq3_xxs',
  'iq3_xs',
  'iq3_s',
  'iq3_m',
  'iq4_nl',
  'iq4_xs',
]);

/**
 * The type of each tensor in a named mix, by its name. Tensors that are never quantised (vectors, norms, routers) are left
 * out. `tensors` are all of the model's.
 */
export function stockTypes(
  mix: string,
  tensors: readonly NamedShape[],
  model: MixModel,
  options: MixOptions,
): ReadonlyMap<string, StockType> {
  const rules = withModelRules(mix, MIXES[mix], tensors, model);
  const hasOutput = tensors.some(({ name }) => name === 'output.weight');
  const places = placesOf(tensors, model, options);
  return new Map(
    tensors.filter(isQuantised).map(({ name, shape }) => {
      const columns = shape[shape.length - 1];
      // Tables that serve as output too are as precise as an output matrix.
      const found = partOf(name);
      const part = found === 'embedding' && !hasOutput ? 'output' : found;
      const requested = requestedType(rules, part, shape, places.get(name) as Place);
      return [name, fallbackType(requested, columns, options.fallbacks)];
    }),
  );
}

/** Vectors, norms and routers stay as they are in every file. */
export function isQuantised({ name, shape }: NamedShape): boolean {
  return (
    shape.length >= 2 &&
    name.endsWith('weight') &&
    !name.includes('_norm.weight') &&
    !name.includes('ffn_gate_inp.')
  );
}

function requestedType(mix: Mix, part: Part, shape: readonly number[], place: Place): string {
  if (part === 'output') {
    const columns = shape[shape.length - 1];
    if (columns % storageTypeByName(mix.base).blockElements !== 0) return 'q8_0';
    return mix.output === undefined ? 'q6_k' : choose(mix.output, place);
  }
  if (mix.experts !== undefined && shape.length > 2) return mix.experts;
  return choose((part === 'other' ? undefined : mix[part]) ?? mix.base, place);
}

function choose(choice: Choice, place: Place): string {
  return typeof choice === 'string' ? choice : choice(place);
}

/** A mix with the exceptions for a few families of models. */
function withModelRules(
  name: string,
  mix: Mix,
  tensors: readonly NamedShape[],
  { architecture, numLayers }: MixModel,
): Mix {
  const isLow = /^iq[12]_/.test(name);
  if (isLow || mix.experts !== undefined) return mix;
  if (numExpertsOf(tensors) === 8) {
    const attnOutput = EIGHT_EXPERTS_OUTPUT.has(name) ? 'q5_k' : mix.base;
    return { ...mix, attnK: 'q8_0', attnV: 'q8_0', attnOutput };
  }
  const { attnV = mix.base } = mix;
  // 70B models: eight heads share a value matrix, so that it is small and its errors count eightfold.
  if (architecture === 'llama' && numLayers === 80 && groupSizeOf(tensors) > 1)
    return { ...mix, attnV: (place) => choose(attnV, place).replace(/^q[34]_k$/, 'q5_k') };
  return mix;
}

function placesOf(
  tensors: readonly NamedShape[],
  { numLayers }: MixModel,
  { hasImportance }: MixOptions,
): ReadonlyMap<string, Place> {
  const model = {
    numLayers,
    numExperts: numExpertsOf(tensors),
    groupSize: groupSizeOf(tensors),
    hasImportance,
  };
  const byPart = new Map<Part, { name: string; layer: number }[]>();
  for (const { name } of tensors) {
    const like = byPart.get(partOf(name)) ?? [];
    byPart.set(partOf(name), like);
    like.push({ name, layer: Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1) });
  }
  const places = new Map<string, Place>();
  for (const like of byPart.values()) {
    like.sort((a, b) => a.layer - b.layer || (a.name < b.name ? -1 : 1));
    for (const [index, { name, layer }] of like.entries())
      places.set(name, { ...model, layer, index, count: like.length });
  }
  return places;
}

const PARTS: readonly [RegExp, Part][] = [
  [/^output\.weight$/, 'output'],
  [/^token_embd\.weight$/, 'embedding'],
  [/attn_q\.weight$/, 'attnQ'],
  [/attn_k\.weight$/, 'attnK'],
  [/attn_v\.weight$/, 'attnV'],
  [/attn_output\.weight$/, 'attnOutput'],
  [/ffn_(?:gate|up)(?:_exps|_shexp)?\.weight$/, 'gateUp'],
  [/ffn_down(?:_exps|_shexp)?\.weight$/, 'down'],
];

function partOf(name: string): Part {
  return PARTS.find(([pattern]) => pattern.test(name))?.[1] ?? 'other';
}

function numExpertsOf(tensors: readonly NamedShape[]): number {
  return tensors.find(({ name }) => name.endsWith('_exps.weight'))?.shape[0] ?? 0;
}

/** Heads have one width, so rows of the matrices say how many share keys. */
function groupSizeOf(tensors: readonly NamedShape[]): number {
  const rows = (part: string): number => tensors.find(({ name }) => name.endsWith(part))?.shape[0] ?? 1;
  return rows('attn_q.weight') / rows('attn_k.weight');
}
