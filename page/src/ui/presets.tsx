import type { JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { NO_OPTIONS, sameOptions } from '../core/answer-options.ts';
import { usePage } from './hooks.ts';
import { useSetting } from './use-setting.ts';

/** Sampling, stop sequences and schema under names: choose one, keep the current ones, delete the chosen one. */
export function Presets(): JSX.Element {
  const { t } = usePage();
  const [settings, change] = useSetting();
  const { presets, sampling, stop, schema } = settings;
  const [isNaming, setNaming] = useState(false);
  const current = presets.find((preset) => sameOptions(preset, settings));
  const save = (name: string): void => {
    const others = presets.filter((preset) => preset.name !== name);
    change({ presets: [...others, { name, sampling, stop, schema }] });
    setNaming(false);
  };
  if (isNaming) return <NameForm onSave={save} onCancel={() => setNaming(false)} />;
  return (
    <div class="preset-row">
      <select
        aria-label={t('preset')}
        value={current?.name ?? ''}
        onChange={(event) => {
          const { value } = event.currentTarget;
          const chosen = presets.find((preset) => preset.name === value) ?? NO_OPTIONS;
          change({ sampling: chosen.sampling, stop: chosen.stop, schema: chosen.schema });
        }}
      >
        <option value="">{t(sameOptions(settings, NO_OPTIONS) ? 'presetDefault' : 'presetOwn')}</option>
        {presets.map((preset) => (
          <option key={preset.name} value={preset.name}>
            {preset.name}
          </option>
        ))}
      </select>
      {current ? (
        <button
          type="button"
          class="button"
          onClick={() => change({ presets: presets.filter((preset) => preset !== current) })}
        >
          {t('deletePreset')}
        </button>
      ) : (
        <button type="button" class="button" onClick={() => setNaming(true)}>
          {t('savePreset')}
        </button>
      )}
    </div>
  );
}

function NameForm({
  onSave,
  onCancel,
}: {
  onSave: (name: string) => void;
  onCancel: () => void;
}): JSX.Element {
  const { t } = usePage();
  const [text, setText] = useState('');
  const field = useRef<HTMLInputElement>(null);
  // It takes the place of the button that was pressed.
  useLayoutEffect(() => field.current?.focus(), []);
  const name = text.trim();
  return (
    <form
      class="preset-row"
      onSubmit={(event) => {
        event.preventDefault();
        if (name !== '') onSave(name);
      }}
    >
      <input
        ref={field}
        aria-label={t('presetName')}
        placeholder={t('presetName')}
        value={text}
        maxLength={60}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="button primary" disabled={name === ''}>
        {t('save')}
      </button>
      <button type="button" class="button" onClick={onCancel}>
        {t('cancel')}
      </button>
    </form>
  );
}
