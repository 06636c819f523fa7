import type { JSX } from 'preact';
import type { Prompt } from '../core/settings.ts';
import { usePage } from './hooks.ts';
import { useSetting } from './use-setting.ts';

/** The texts that the menu of the message field inserts. */
export function PromptLibrary(): JSX.Element {
  const { t } = usePage();
  const [{ prompts }, change] = useSetting();
  const update = (index: number, part: Partial<Prompt>): void =>
    change({ prompts: prompts.map((prompt, i) => (i === index ? { ...prompt, ...part } : prompt)) });
  return (
    <section>
      <div class="section-head">
        <h3>{t('prompts')}</h3>
        <button
          type="button"
          class="button subtle"
          onClick={() => change({ prompts: [...prompts, { name: t('newPrompt'), text: '' }] })}
        >
          {t('addPrompt')}
        </button>
      </div>
      {prompts.map(({ name, text }, index) => (
        // Names may be empty or alike while they are typed.
        <details key={index} class="prompt">
          <summary>{name || t('untitled')}</summary>
          <input
            aria-label={t('promptName')}
            value={name}
            maxLength={60}
            onInput={(event) => update(index, { name: event.currentTarget.value })}
          />
          <textarea
            rows={4}
            aria-label={t('promptText')}
            value={text}
            onInput={(event) => update(index, { text: event.currentTarget.value })}
          />
          <button
            type="button"
            class="button"
            onClick={() => change({ prompts: prompts.filter((_, i) => i !== index) })}
          >
            {t('deletePrompt')}
          </button>
        </details>
      ))}
      <p class="hint">{t('promptsHint')}</p>
    </section>
  );
}
