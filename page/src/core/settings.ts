export interface Sampling {
  readonly temperature: number | null;
  readonly topP: number | null;
  readonly topK: number | null;
  readonly minP: number | null;
  readonly maxTokens: number | null;
  readonly seed: number | null;
  readonly repetitionPenalty: number | null;
  readonly presencePenalty: number | null;
  readonly frequencyPenalty: number | null;
}

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
  readonly showsExperts: boolean;
}

/** What a number may be, and its name in a request. An empty field leaves the choice to the model's recommendation. */
export const SAMPLING_FIELDS: Readonly<
  Record<keyof Sampling, { wire: string; min: number; max: number; step: number; placeholder: string }>
> = {
  temperature: { wire: 'temperature', min: 0, max: 2, step: 0.05, placeholder: '–' },
  topP: { wire: 'top_p', min: 0, max: 1, step: 0.01, placeholder: '–' },
  topK: { wire: 'top_k', min: 0, max: 1000, step: 1, placeholder: '–' },
  minP: { wire: 'min_p', min: 0, max: 1, step: 0.01, placeholder: '–' },
  maxTokens: { wire: 'max_completion_tokens', min: 1, max: 1_000_000, step: 1, placeholder: '–' },
  seed: { wire: 'seed', min: 0, max: 2 ** 31 - 1, step: 1, placeholder: '–' },
  repetitionPenalty: { wire: 'repetition_penalty', min: 0.5, max: 2, step: 0.01, placeholder: '–' },
  presencePenalty: { wire: 'presence_penalty', min: -2, max: 2, step: 0.1, placeholder: '0' },
  frequencyPenalty: { wire: 'frequency_penalty', min: -2, max: 2, step: 0.1, placeholder: '0' },
};

export const NO_SAMPLING: Sampling = {
  temperature: null,
  topP: null,
  topK: null,
  minP: null,
  maxTokens: null,
  seed: null,
  repetitionPenalty: null,
  presencePenalty: null,
  frequencyPenalty: null,
};

/** Fields of a request: those that are set. */
export function samplingFields(sampling: Sampling): Record<string, number> {
  return Object.fromEntries(
    Object.entries(SAMPLING_FIELDS).flatMap(([key, { wire }]) => {
      const value = sampling[key as keyof Sampling];
      return value === null ? [] : [[wire, value]];
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
    Object.entries(SAMPLING_FIELDS).map(([key, { min, max }]) => {
      const value = numbers[key];
      return [key, typeof value === 'number' && value >= min && value <= max ? value : null];
    }),
  ) as unknown as Sampling;
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
    showsExperts: found.showsExperts === true,
  };
}
