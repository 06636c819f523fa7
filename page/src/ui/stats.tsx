import type { JSX } from 'preact';
import type { Message } from '../core/conversation.ts';
import { usePage, useValue } from './hooks.ts';

/** How an answer ended and what it took. */
export function Stats({ message }: { message: Message }): JSX.Element | null {
  const { chat, t } = usePage();
  const live = useValue(chat.progress).get(message.id);
  const stats = live?.stats ?? message.stats;
  const parts: string[] = [];
  if (message.status === 'stopped') parts.push(t('stopped'));
  if (message.finishReason === 'length') parts.push(t('cutByLength'));
  if (stats && stats.answerTokens > 0) {
    parts.push(t('tokenCount', { count: stats.answerTokens }));
    if (stats.tokensPerSecond > 0) {
      const rate = stats.tokensPerSecond.toFixed(stats.tokensPerSecond < 10 ? 1 : 0);
      parts.push(t('tokensPerSecond', { rate }));
    }
  }
  if (parts.length === 0) return null;
  const title =
    stats && stats.promptTokens > 0
      ? t('promptTokens', { count: stats.promptTokens, cached: stats.cachedTokens })
      : undefined;
  return (
    <span class="stats" title={title}>
      {parts.join(' · ')}
    </span>
  );
}
