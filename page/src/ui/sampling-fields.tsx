import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { NO_OPTIONS } from '../core/answer-options.ts';
import {
  isAllowed,
  type Recommended,
  SAMPLING_FIELDS,
  SAMPLING_KEYS,
  type SamplingKey,
} from '../core/sampling.ts';
import { SchemaField, StopField } from './constraint-fields.tsx';
import { usePage, useValue } from './hooks.ts';
import { Presets } from './presets.tsx';
import { useSetting } from './use-setting.ts';

/** The numbers that answers are sampled with; empty fields show what the model recommends. */
export function SamplingFields(): JSX.Element {
  const { chat, t } = usePage();
  const [{ sampling }, change] = useSetting();
  const server = useValue(chat.server);
  const recommended: Recommended = server.status === 'ready' ? server.recommended : {};
  const [numResets, setNumResets] = useState(0);
  return (
    <section>
      <div class="section-head">
        <h3>{t('sampling')}</h3>
        <button
          type="button"
          class="button subtle"
          onClick={() => {
            setNumResets(numResets + 1);
            change(NO_OPTIONS);
          }}
        >
          {t('resetSampling')}
        </button>
      </div>
      <Presets />
      <div class="number-fields">
        {SAMPLING_KEYS.map((key) => (
          <NumberInput
            key={`${key} ${numResets}`}
            name={key}
            value={sampling[key]}
            recommended={recommended[key]}
            onChange={(value) => change({ sampling: { ...sampling, [key]: value } })}
          />
        ))}
      </div>
      <p class="hint">{t('samplingHint')}</p>
      <StopField />
      <SchemaField />
    </section>
  );
}

/** What is in a field, and the number that it stands for or was refused next to. */
interface Typed {
  readonly text: string;
  readonly isWrong: boolean;
  readonly value: number | null;
}

interface NumberInputProps {
  readonly name: SamplingKey;
  readonly value: number | null;
  readonly recommended: number | undefined;
  readonly onChange: (value: number | null) => void;
}

/** A number that is not allowed stays in the field with the reason, and the last one that was allowed stays in use. */
function NumberInput({ name, value, recommended, onChange }: NumberInputProps): JSX.Element {
  const { t } = usePage();
  const field: { min: number; max: number; step: number; fallback?: number } = SAMPLING_FIELDS[name];
  const { min, max, step, fallback } = field;
  const [typed, setTyped] = useState<Typed | undefined>(undefined);
  // A preset may have put another number here since.
  const draft = typed?.value === value ? typed : undefined;
  const isWrong = draft?.isWrong === true;
  const problemId = `${name}-problem`;
  return (
    <div class="field">
      <label class="field-name" for={`${name}-field`}>
        {t(name)}
      </label>
      <input
        id={`${name}-field`}
        type="number"
        inputmode="decimal"
        min={min}
        max={max}
        step={step}
        value={draft?.text ?? value?.toString() ?? ''}
        placeholder={(recommended ?? fallback ?? '–').toString()}
        aria-invalid={isWrong}
        aria-describedby={isWrong ? problemId : undefined}
        onInput={(event) => {
          const { value: text, validity } = event.currentTarget;
          // Browsers give no text for what is not a number.
          const number = text === '' && !validity.badInput ? null : Number(text || Number.NaN);
          const isRight = number === null || isAllowed(name, number);
          setTyped({ text, isWrong: !isRight, value: isRight ? number : value });
          if (isRight) onChange(number);
        }}
      />
      {isWrong && (
        <span class="problem" id={problemId} role="alert">
          {t(step < 1 ? 'numberProblem' : 'wholeNumberProblem', { min, max })}
        </span>
      )}
    </div>
  );
}
