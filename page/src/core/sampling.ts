/** What a number may be, and its name in a request. `fallback`: what servers do without it, where no model recommends it. */
interface NumberField {
  readonly wire: string;
  readonly min: number;
  readonly max: number;
  /** 1: whole numbers only. */
  readonly step: number;
  readonly fallback?: number;
}

/** All numbers of a request, each declared here only. An empty field leaves the choice to the model's recommendation. */
export const SAMPLING_FIELDS = {
  temperature: { wire: 'temperature', min: 0, max: 2, step: 0.05 },
  topP: { wire: 'top_p', min: 0, max: 1, step: 0.01 },
  topK: { wire: 'top_k', min: 0, max: 1_000_000, step: 1 },
  minP: { wire: 'min_p', min: 0, max: 1, step: 0.01 },
  maxTokens: { wire: 'max_completion_tokens', min: 1, max: 1_000_000, step: 1 },
  seed: { wire: 'seed', min: 0, max: 2 ** 31 - 1, step: 1 },
  repetitionPenalty: { wire: 'repetition_penalty', min: 0.5, max: 2, step: 0.01 },
  presencePenalty: { wire: 'presence_penalty', min: -2, max: 2, step: 0.1, fallback: 0 },
  frequencyPenalty: { wire: 'frequency_penalty', min: -2, max: 2, step: 0.1, fallback: 0 },
} as const satisfies Readonly<Record<string, NumberField>>;

export type SamplingKey = keyof typeof SAMPLING_FIELDS;
export type Sampling = { readonly [Key in SamplingKey]: number | null };
/** How the makers of a model want it sampled, as far as the server says. */
export type Recommended = { readonly [Key in SamplingKey]?: number };
export const SAMPLING_KEYS = Object.keys(SAMPLING_FIELDS) as readonly SamplingKey[];

export const NO_SAMPLING = Object.fromEntries(SAMPLING_KEYS.map((key) => [key, null])) as Sampling;

export function isAllowed(key: SamplingKey, value: unknown): value is number {
  const { min, max, step } = SAMPLING_FIELDS[key];
  return typeof value === 'number' && value >= min && value <= max && (step < 1 || Number.isInteger(value));
}
