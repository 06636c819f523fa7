import type { JSX } from 'preact';
import { KINDS, type Kind, kindOf } from '../core/expert-load.ts';
import type { StringKey } from '../strings.ts';
import { usePage } from '../ui/hooks.ts';
import type { TokenRef } from './token-strip.tsx';
import type { RecordedAnswer } from './use-tokens.ts';

/** Tokens of a kind, or of the answer of a number. */
export type Group = 'all' | Kind | number;

export function groupTest(group: Group): (ref: TokenRef) => boolean {
  if (group === 'all') return () => true;
  if (typeof group === 'number') return ({ answer }) => answer === group;
  return ({ recording, token }) => kindOf(recording.pieces[token]) === group;
}

const NAMES: Readonly<Record<'all' | Kind, StringKey>> = {
  all: 'kindAll',
  latin: 'kindLatin',
  han: 'kindHan',
  digits: 'kindDigits',
  other: 'kindOther',
};

export interface GroupChoiceProps {
  readonly answers: readonly RecordedAnswer[];
  readonly groups: readonly [Group, Group];
  readonly onChange: (groups: readonly [Group, Group]) => void;
}

export function GroupChoice({ answers, groups, onChange }: GroupChoiceProps): JSX.Element {
  const { t } = usePage();
  const read = (value: string): Group => (/^\d+$/.test(value) ? Number(value) : (value as Kind));
  return (
    <div class="pair">
      {groups.map((group, i) => (
        <label key={i} class={`pair-item ${i === 0 ? 'a' : 'b'}`}>
          <span class={`swatch ${i === 0 ? 'a' : 'b'}`} aria-hidden="true" />
          <span class="pair-name">{t(i === 0 ? 'groupA' : 'groupB')}</span>
          <select
            value={String(group)}
            onChange={(event) => {
              const chosen = read(event.currentTarget.value);
              onChange(i === 0 ? [chosen, groups[1]] : [groups[0], chosen]);
            }}
          >
            {(['all', ...KINDS] as const).map((kind) => (
              <option key={kind} value={kind}>
                {t(NAMES[kind])}
              </option>
            ))}
            {answers.map(({ message }, answer) => (
              <option key={message.id} value={String(answer)}>
                {t('answerNumber', { index: answer + 1 })}
              </option>
            ))}
          </select>
        </label>
      ))}
    </div>
  );
}
