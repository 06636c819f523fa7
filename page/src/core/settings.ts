export type Language = 'en' | 'zh';
export type Theme = 'auto' | 'light' | 'dark';

export interface Settings {
  readonly sampling: Sampling;
  /** For new conversations. */
  readonly system: string;
  readonly language: Language;
  readonly theme: Theme;
  readonly apiKey: string;
  readonly recordsRouting: boolean;
  /** Request the most likely tokens in the place of each. */
  readonly recordsOdds: boolean;
  readonly showsExperts: boolean;
}

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

/** Fields of a request: those that are set. */
export function samplingFields(sampling: Sampling): Record<string, number> {
  return Object.fromEntries(
    SAMPLING_KEYS.flatMap((key) => {
      const value = sampling[key];
      return value === null ? [] : [[SAMPLING_FIELDS[key].wire, value]];
    }),
  );
}

/** Settings as they were stored, or what a first visit begins with. Anything unknown or out of range is dropped. */
export function readSettings(stored: string | null, languages: readonly string[]): Settings {
  let found: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(stored ?? '{}');
    if (typeof parsed === 'object' && parsed !== null) found = parsed as Record<string, unknown>;
  } catch {
    // Damaged settings must not prevent the start.
  }
  const numbers = (found.sampling ?? {}) as Record<string, unknown>;
  const sampling = Object.fromEntries(
    SAMPLING_KEYS.map((key) => [key, isAllowed(key, numbers[key]) ? numbers[key] : null]),
  ) as Sampling;
  const preferred = languages.find((tag) => /^(en|zh)\b/i.test(tag));
  const { language, theme } = found;
  return {
    sampling,
    system: typeof found.system === 'string' ? found.system : '',
    language:
      language === 'en' || language === 'zh'
        ? language
        : preferred?.toLowerCase().startsWith('zh')
          ? 'zh'
          : 'en',
    theme: theme === 'light' || theme === 'dark' ? theme : 'auto',
    apiKey: typeof found.apiKey === 'string' ? found.apiKey : '',
    recordsRouting: found.recordsRouting !== false,
    recordsOdds: found.recordsOdds === true,
    showsExperts: found.showsExperts === true,
  };
}
