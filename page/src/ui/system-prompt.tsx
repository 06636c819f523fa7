import type { JSX } from 'preact';
import { usePage } from './hooks.ts';
import { useSetting } from './use-setting.ts';

export function SystemPrompt(): JSX.Element {
  const { chat, t } = usePage();
  const [settings, change] = useSetting();
  return (
    <section>
      <label class="field">
        <span class="field-name">{t('systemPrompt')}</span>
        <textarea
          rows={3}
          value={chat.current?.system ?? settings.system}
          onInput={(event) => {
            const system = event.currentTarget.value;
            chat.setSystem(system);
            change({ system });
          }}
        />
        <span class="hint">{t('systemPromptHint')}</span>
      </label>
    </section>
  );
}
