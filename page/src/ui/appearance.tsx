import type { JSX } from 'preact';
import type { Settings } from '../core/settings.ts';
import { usePage } from './hooks.ts';
import { useSetting } from './use-setting.ts';

/** Language and theme. */
export function Appearance(): JSX.Element {
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
