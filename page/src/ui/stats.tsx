import type { JSX } from 'preact';
import { isContextFull } from '../core/context-fit.ts';
import type { Message, MessageStats } from '../core/conversation.ts';
import { usePage, useValue } from './hooks.ts';

/** How an answer ended and what it took; opened, in full. */
export function Stats({ message }: { message: Message }): JSX.Element | null {
  const { chat, t } = usePage();
  const live = useValue(chat.progress).get(message.id);
  const stats = live?.stats ?? message.stats;
  const parts: string[] = [];
  if (message.status === 'stopped') parts.push(t('stopped'));
  if (isContextFull(message, chat.contextLength)) parts.push(t('contextFull'));
  else if (message.finishReason === 'length') parts.push(t('cutByLength'));
  if (stats && stats.answerTokens > 0) {
    parts.push(t('tokenCount', { count: stats.answerTokens }));
    if (stats.tokensPerSecond > 0) parts.push(t('tokensPerSecond', { rate: rateOf(stats.tokensPerSecond) }));
  }
  if (parts.length === 0) return null;
  if (!stats || stats.promptTokens === 0) return <span class="stats">{parts.join(' · ')}</span>;
  return (
    <details class="stats">
      <summary>{parts.join(' · ')}</summary>
      <AllStats stats={stats} seed={message.seed} />
    </details>
  );
}

function AllStats({ stats, seed }: { stats: MessageStats; seed: number | undefined }): JSX.Element {
  const { t } = usePage();
  const { promptTokens, cachedTokens, promptTokensPerSecond, firstTokenMs } = stats;
  const parts = [t('promptTokens', { count: promptTokens, cached: cachedTokens })];
  if (promptTokensPerSecond !== undefined && promptTokensPerSecond > 0)
    parts.push(t('promptSpeed', { rate: rateOf(promptTokensPerSecond) }));
  if (firstTokenMs !== undefined) parts.push(t('firstToken', { seconds: (firstTokenMs / 1000).toFixed(2) }));
  if (seed !== undefined) parts.push(t('seedUsed', { seed: String(seed) }));
  return <span class="all-stats">{parts.join(' · ')}</span>;
}

function rateOf(tokensPerSecond: number): string {
  return tokensPerSecond.toFixed(tokensPerSecond < 10 ? 1 : 0);
}
