import type { JSX } from 'preact';
import type { Message } from '../core/conversation.ts';
import { usePage, useValue } from './hooks.ts';

/** Why nothing more of an answer is there yet. Nothing while its text comes. */
export function Waiting({ message }: { message: Message }): JSX.Element | null {
  const { chat, t } = usePage();
  const progress = useValue(chat.progress).get(message.id);
  const server = useValue(chat.server);
  const { prompt, silentMs, retryInMs } = progress ?? {};
  const seconds = (ms: number): number => Math.ceil(ms / 1000);
  if (retryInMs !== undefined) {
    return (
      <div class="waiting">
        <span role="status">{t('serverBusy')}</span>{' '}
        <span>{t('againIn', { count: seconds(retryInMs) })}</span>
        <button type="button" class="button" onClick={() => chat.stop()}>
          {t('giveUp')}
        </button>
      </div>
    );
  }
  const isEmpty = message.content === '' && !message.toolCalls;
  if (!isEmpty && silentMs === undefined) return null;
  return (
    <p class="waiting">
      <span class="pulse" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      <span>
        {server.status === 'loading'
          ? t('serverLoading', { reason: server.message })
          : prompt
            ? t('readingPrompt', prompt)
            : isEmpty && t('waiting')}{' '}
        {silentMs !== undefined && t('silent', { count: seconds(silentMs) })}
      </span>
    </p>
  );
}
