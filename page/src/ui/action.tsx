import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { StringKey } from '../strings.ts';
import { copyText } from './files.ts';
import { usePage } from './hooks.ts';
import { Icon, type IconName } from './icons.tsx';
import { FOCUS_HOME } from './keep-focus.ts';

export function CopyButton({ text }: { text: string }): JSX.Element {
  const { t, announce } = usePage();
  const [isDone, setDone] = useState(false);
  const copy = async (): Promise<void> => {
    if (!(await copyText(text))) return;
    announce(t('copied'));
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return (
    <Action icon={isDone ? 'check' : 'copy'} label={isDone ? 'copied' : 'copy'} onClick={() => void copy()} />
  );
}

export interface ActionProps {
  readonly icon: IconName;
  readonly label: StringKey;
  /** What it opens takes the place of the message. */
  readonly isFocusHome?: boolean;
  /** Of a switch: whether it is on. */
  readonly isPressed?: boolean;
  readonly onClick: () => void;
}

/** One of the small buttons below a message. */
export function Action(props: ActionProps): JSX.Element {
  const { t } = usePage();
  return (
    <button
      type="button"
      class="icon-button small"
      aria-label={t(props.label)}
      title={t(props.label)}
      {...(props.isFocusHome && FOCUS_HOME)}
      aria-pressed={props.isPressed}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
    </button>
  );
}
