import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Settings } from '../core/settings.ts';
import { DataSection } from './data-section.tsx';
import { usePage } from './hooks.ts';
import { Icon } from './icons.tsx';
import { SamplingFields } from './sampling-fields.tsx';
import { useSetting } from './use-setting.ts';

/** System prompt, sampling, appearance, key, and moving conversations in and out. */
export function SettingsDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }): JSX.Element {
  const { t } = usePage();
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    if (isOpen && !dialog.current?.open) dialog.current?.showModal();
    else if (!isOpen) dialog.current?.close();
  }, [isOpen]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a dialog anyway; the click is for the backdrop
    <dialog
      ref={dialog}
      class="settings"
      aria-labelledby="settings-title"
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      {isOpen && (
        <div class="settings-body">
          <header>
            <h2 id="settings-title">{t('settings')}</h2>
            <button type="button" class="icon-button" aria-label={t('close')} onClick={onClose}>
              <Icon name="close" />
            </button>
          </header>
          <SystemPrompt />
          <SamplingFields />
          <Appearance />
          <Server />
          <DataSection onImported={onClose} />
        </div>
      )}
    </dialog>
  );
}

function SystemPrompt(): JSX.Element {
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

function Appearance(): JSX.Element {
  const { t } = usePage();
  const [{ language, theme }, change] = useSetting();
  return (
    <section>
      <h3>{t('appearance')}</h3>
      <div class="choices">
        <label class="field">
          <span class="field-name">{t('language')}</span>
          <select
            value={language}
            onChange={(event) => change({ language: event.currentTarget.value as 'en' | 'zh' })}
          >
            <option value="en" lang="en">
              English
            </option>
            <option value="zh" lang="zh">
              中文
            </option>
          </select>
        </label>
        <label class="field">
          <span class="field-name">{t('theme')}</span>
          <select
            value={theme}
            onChange={(event) => change({ theme: event.currentTarget.value as Settings['theme'] })}
          >
            <option value="auto">{t('themeAuto')}</option>
            <option value="light">{t('themeLight')}</option>
            <option value="dark">{t('themeDark')}</option>
          </select>
        </label>
      </div>
    </section>
  );
}

function Server(): JSX.Element {
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
