import type { JSX } from 'preact';
import { usePage } from './hooks.ts';
import { useSetting } from './use-setting.ts';

/** The key, and what is requested with every answer. */
export function ServerSettings(): JSX.Element {
  const { chat, t } = usePage();
  const [{ apiKey, recordsRouting, recordsOdds }, change] = useSetting();
  return (
    <section>
      <label class="field">
        <span class="field-name">{t('apiKey')}</span>
        <input
          type="password"
          autocomplete="off"
          value={apiKey}
          onChange={(event) => {
            change({ apiKey: event.currentTarget.value.trim() });
            void chat.connect();
          }}
        />
        <span class="hint">{t('apiKeyHint')}</span>
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={recordsRouting}
          onChange={(event) => change({ recordsRouting: event.currentTarget.checked })}
        />
        {t('recordsRouting')}
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={recordsOdds}
          onChange={(event) => change({ recordsOdds: event.currentTarget.checked })}
        />
        {t('recordsOdds')}
      </label>
    </section>
  );
}
