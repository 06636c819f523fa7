import type { JSX } from 'preact';
import { type Conversation, type Message, pathOf } from '../core/conversation.ts';
import type { StringKey } from '../strings.ts';
import { usePage } from './hooks.ts';
import { Icon } from './icons.tsx';

const ERROR_TEXTS: Readonly<Record<string, StringKey>> = {
  unreachable: 'errorUnreachable',
  cut_off: 'errorCutOff',
  queue_full: 'errorQueue',
  model_loading: 'errorLoading',
  invalid_api_key: 'errorKey',
  bad_reply: 'errorBadReply',
};
/** Errors of the page's own, whose message adds nothing to the text. */
const SAYS_ALL: readonly string[] = ['unreachable', 'cut_off'];

export interface ErrorBoxProps {
  readonly conversation: Conversation;
  readonly message: Message;
}

/** What went wrong with an answer, and what one can do about it. */
export function ErrorBox({ conversation, message }: ErrorBoxProps): JSX.Element {
  const { chat, t } = usePage();
  const { code, message: said } = message.error ?? { code: '', message: '' };
  if (code === 'context_length_exceeded') {
    const numQuestions = pathOf(conversation, message.id).filter(({ role }) => role === 'user').length;
    // The same request would fail again, and so would one of the last question alone.
    const canLeaveOut = numQuestions > 1 && !conversation.trims && chat.contextLength !== undefined;
    return (
      <div class="error-box" role="alert">
        <p>{t(canLeaveOut ? 'errorContext' : 'errorQuestionLong')}</p>
        <p class="detail">{said}</p>
        {canLeaveOut && (
          <button type="button" class="button" onClick={() => void chat.leaveOutOldest(message.id)}>
            {t('leaveOutOldest')}
          </button>
        )}
      </div>
    );
  }
  return (
    <div class="error-box" role="alert">
      <p>{t(ERROR_TEXTS[code] ?? 'errorOther')}</p>
      {!SAYS_ALL.includes(code) && <p class="detail">{said}</p>}
      <button type="button" class="button" onClick={() => void chat.regenerate(message.id)}>
        <Icon name="again" /> {t('retry')}
      </button>
    </div>
  );
}
