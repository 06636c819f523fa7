import type { JSX } from 'preact';
import { type Conversation, type Message, siblingsOf } from '../core/conversation.ts';
import { usePage } from './hooks.ts';
import { Icon } from './icons.tsx';

/** Goes through the versions of a message. Nothing where there is one. */
export function BranchSwitch({
  conversation,
  message,
}: {
  conversation: Conversation;
  message: Message;
}): JSX.Element | null {
  const { chat, t } = usePage();
  const siblings = siblingsOf(conversation, message.id);
  if (siblings.length < 2) return null;
  const index = siblings.findIndex(({ id }) => id === message.id);
  const show = (to: number) => (): void => chat.showBranch(siblings[to].id);
  const label = t('branchOf', { index: index + 1, count: siblings.length });
  return (
    <fieldset class="branches" aria-label={label}>
      <button
        type="button"
        class="icon-button small"
        aria-label={t('previousVersion')}
        disabled={index === 0}
        onClick={show(index - 1)}
      >
        <Icon name="left" />
      </button>
      <span aria-hidden="true">
        {index + 1} / {siblings.length}
      </span>
      <button
        type="button"
        class="icon-button small"
        aria-label={t('nextVersion')}
        disabled={index === siblings.length - 1}
        onClick={show(index + 1)}
      >
        <Icon name="right" />
      </button>
    </fieldset>
  );
}
