import type { JSX } from 'preact';
import { usePage, useValue } from './hooks.ts';
import { useSetting } from './use-setting.ts';

/** The default for new conversations, and the one of the conversation that is open. */
export function SystemPrompt(): JSX.Element {
  const { chat, t } = usePage();
  const [settings, change] = useSetting();
  useValue(chat.conversations);
  const { current } = chat;
  return (
    <section>
      {current && (
        <label class="field">
          <span class="field-name">{t('systemPromptHere')}</span>
          <textarea
            rows={3}
            value={current.system}
            onInput={(event) => chat.setSystem(event.currentTarget.value)}
          />
        </label>
      )}
      <label class="field">
        <span class="field-name">{t('systemPromptDefault')}</span>
        <textarea
          rows={3}
          value={settings.system}
          onInput={(event) => change({ system: event.currentTarget.value })}
        />
        <span class="hint">{t('systemPromptHint')}</span>
      </label>
    </section>
  );
}
