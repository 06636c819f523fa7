import { type AnswerOptions, readOptions } from './answer-options.ts';

export type Language = 'en' | 'zh';
export type Theme = 'auto' | 'light' | 'dark';

/** Options under a name. */
export interface Preset extends AnswerOptions {
  readonly name: string;
}

/** A text for questions, under a name. */
export interface Prompt {
  readonly name: string;
  readonly text: string;
}

export interface Settings extends AnswerOptions {
  readonly presets: readonly Preset[];
  readonly prompts: readonly Prompt[];
  /** For new conversations. */
  readonly system: string;
  readonly language: Language;
  readonly theme: Theme;
  readonly apiKey: string;
  readonly recordsRouting: boolean;
  /** Request the most likely tokens in the place of each. */
  readonly recordsOdds: boolean;
  readonly showsExperts: boolean;
  /** Of answers that are done while the page is hidden. */
  readonly notifies: boolean;
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
  const preferred = languages.find((tag) => /^(en|zh)\b/i.test(tag));
  const { language, theme } = found;
  return {
    ...readOptions(found),
    presets: named(found.presets).map((preset) => ({ name: preset.name, ...readOptions(preset) })),
    prompts: named(found.prompts).flatMap(({ name, text }) =>
      typeof text === 'string' ? [{ name, text }] : [],
    ),
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
    notifies: found.notifies === true,
  };
}

function named(list: unknown): readonly (Readonly<Record<string, unknown>> & { readonly name: string })[] {
  return (Array.isArray(list) ? list : []).filter((item) => typeof item?.name === 'string');
}
