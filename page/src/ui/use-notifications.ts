import { useLayoutEffect } from 'preact/hooks';
import type { Chat } from '../core/chat.ts';
import { firstSentence } from '../core/first-sentence.ts';
import type { Observable } from '../core/observable.ts';
import type { Settings } from '../core/settings.ts';
import type { Translate } from '../strings.ts';
import { notify } from './notifications.ts';

/** Notifies of answers that are done while nobody looks, where that was switched on. A click opens the answer. */
export function useNotifications(chat: Chat, settings: Observable<Settings>, t: Translate): void {
  useLayoutEffect(
    () =>
      chat.ended.subscribe(() => {
        const ended = chat.ended.value;
        // Who stopped an answer knows that it ended.
        if (!ended || ended.message.status === 'stopped' || !settings.value.notifies || !document.hidden)
          return;
        const { conversation, message } = ended;
        const title = chat.conversations.value.find(({ id }) => id === conversation)?.title;
        const begin = firstSentence(message.content);
        const news = message.status === 'failed' ? t('answerFailed') : begin || t('answerDone');
        notify(title || t('untitled'), news, conversation, () => chat.show(conversation, message.id));
      }),
    [chat, settings, t],
  );
}
