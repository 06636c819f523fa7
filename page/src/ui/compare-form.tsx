import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { type AnswerOptions, NO_OPTIONS } from '../core/answer-options.ts';
import type { Variation } from '../core/answers.ts';
import { isAllowed } from '../core/sampling.ts';
import { usePage, useValue } from './hooks.ts';

export interface CompareFormProps {
  readonly onAsk: (variation: Variation) => void;
}

/** How another answer is to differ: options, temperature and seed, and the model where the server has several. */
export function CompareForm({ onAsk }: CompareFormProps): JSX.Element {
  const { chat, settings, t } = usePage();
  const current = useValue(settings);
  const server = useValue(chat.server);
  const models = server.status === 'ready' ? server.models : [];
  const [preset, setPreset] = useState('current');
  const [temperature, setTemperature] = useState('');
  const [seed, setSeed] = useState('');
  const [model, setModel] = useState<string | undefined>(undefined);
  const chosen: AnswerOptions =
    preset === 'current'
      ? current
      : (current.presets.find((_, index) => String(index) === preset) ?? NO_OPTIONS);
  const numbers = {
    ...(temperature !== '' && { temperature: Number(temperature) }),
    ...(seed !== '' && { seed: Number(seed) }),
  };
  const isRight = (['temperature', 'seed'] as const).every(
    (key) => !(key in numbers) || isAllowed(key, numbers[key]),
  );
  return (
    <form
      class="compare-form"
      onSubmit={(event) => {
        event.preventDefault();
        const { stop, schema, sampling } = chosen;
        onAsk({ options: { stop, schema, sampling: { ...sampling, ...numbers } }, model });
      }}
    >
      <label class="field">
        <span class="field-name">{t('preset')}</span>
        <select value={preset} onChange={(event) => setPreset(event.currentTarget.value)}>
          <option value="current">{t('currentSettings')}</option>
          <option value="none">{t('presetDefault')}</option>
          {current.presets.map(({ name }, index) => (
            <option key={name} value={String(index)}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {models.length > 1 && (
        <label class="field">
          <span class="field-name">{t('modelName')}</span>
          <select value={model ?? models[0].id} onChange={(event) => setModel(event.currentTarget.value)}>
            {models.map(({ id }) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        </label>
      )}
      <label class="field">
        <span class="field-name">{t('temperature')}</span>
        <input
          type="number"
          min={0}
          max={2}
          step={0.05}
          value={temperature}
          placeholder={t('asChosen')}
          onInput={(event) => setTemperature(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span class="field-name">{t('seed')}</span>
        <input
          type="number"
          min={0}
          step={1}
          value={seed}
          placeholder={t('asChosen')}
          onInput={(event) => setSeed(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button primary" disabled={!isRight}>
        {t('anotherAnswer')}
      </button>
    </form>
  );
}
