import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { MAX_STOPS, parseSchema, parseStops, writeStops } from '../core/answer-options.ts';
import { usePage } from './hooks.ts';
import { useSetting } from './use-setting.ts';

/** Texts that end an answer, one on each line. */
export function StopField(): JSX.Element {
  const { t } = usePage();
  const [{ stop }, change] = useSetting();
  const [draft, setDraft] = useState<string | undefined>(undefined);
  const isOwn = draft !== undefined && String(parseStops(draft).slice(0, MAX_STOPS)) === String(stop);
  const text = isOwn ? draft : writeStops(stop);
  const isTooMany = parseStops(text).length > MAX_STOPS;
  return (
    <OptionField
      name={t('stopSequences')}
      hint={t('stopSequencesHint')}
      problem={isTooMany ? t('tooManyStops', { count: MAX_STOPS }) : undefined}
      text={text}
      onInput={(typed) => {
        setDraft(typed);
        change({ stop: parseStops(typed).slice(0, MAX_STOPS) });
      }}
    />
  );
}

/** What answers have to look like. A text that is not a schema is kept, and not sent. */
export function SchemaField(): JSX.Element {
  const { t } = usePage();
  const [{ schema }, change] = useSetting();
  const parsed = parseSchema(schema);
  const problem = 'problem' in parsed && parsed.problem !== 'none' ? parsed : undefined;
  return (
    <OptionField
      name={t('jsonSchema')}
      hint={t('jsonSchemaHint')}
      problem={
        problem?.problem === 'notJson'
          ? `${t('schemaNotJson')} ${problem.line ? t('schemaLine', { line: problem.line }) : ''}`
          : problem && t('schemaNotSchema')
      }
      text={schema}
      onInput={(typed) => change({ schema: typed })}
    />
  );
}

interface OptionFieldProps {
  readonly name: string;
  readonly hint: string;
  readonly problem: string | undefined;
  readonly text: string;
  readonly onInput: (text: string) => void;
}

function OptionField({ name, hint, problem, text, onInput }: OptionFieldProps): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label class="field-name" for={id}>
        {name}
      </label>
      <textarea
        id={id}
        class="code-field"
        rows={Math.min(10, Math.max(2, text.split('\n').length))}
        value={text}
        spellcheck={false}
        autocapitalize="off"
        aria-invalid={problem !== undefined}
        aria-describedby={`${id}-hint`}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <span id={`${id}-hint`} class={problem ? 'problem' : 'hint'} role={problem ? 'alert' : undefined}>
        {problem ?? hint}
      </span>
    </div>
  );
}
