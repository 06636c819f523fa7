import type { JSX } from 'preact';
import type { Conversation, Message } from '../core/conversation.ts';
import { usePage } from './hooks.ts';

/** The index of the first message that the newest answer's prompt had; 0 where it had all. */
export function firstSentIndex({ trims }: Conversation, path: readonly Message[]): number {
  const firstSent = path.findLast((message) => message.firstSent !== undefined)?.firstSent;
  return trims
    ? Math.max(
        0,
        path.findIndex(({ id }) => id === firstSent),
      )
    : 0;
}

/** Marks where the prompt begins: the messages above were left out. */
export function NotSent({ count }: { count: number }): JSX.Element {
  const { chat, t } = usePage();
  return (
    <li class="not-sent">
      <span>{t('notSent', { count })}</span>
      <button type="button" class="button subtle" onClick={() => chat.setTrims(false)}>
        {t('sendAll')}
      </button>
    </li>
  );
}
