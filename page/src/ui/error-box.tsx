import type { JSX } from 'preact';
import type { Message } from '../core/conversation.ts';
import type { StringKey } from '../strings.ts';
import { usePage } from './hooks.ts';
import { Icon } from './icons.tsx';

const ERROR_TEXTS: Readonly<Record<string, StringKey>> = {
  unreachable: 'errorUnreachable',
  cut_off: 'errorCutOff',
  context_length_exceeded: 'errorContext',
  queue_full: 'errorQueue',
  model_loading: 'errorLoading',
  invalid_api_key: 'errorKey',
  bad_reply: 'errorBadReply',
};
/** Errors of the page's own, whose message adds nothing to the text. */
const SAYS_ALL: readonly string[] = ['unreachable', 'cut_off'];

/** What went wrong with an answer, and what one can do about it. */
export function ErrorBox({ message }: { message: Message }): JSX.Element {
  const { chat, t } = usePage();
  const { code, message: said } = message.error ?? { code: '', message: '' };
  const known = ERROR_TEXTS[code];
  return (
    <div class="error-box" role="alert">
      <p>{t(known ?? 'errorOther')}</p>
      {!SAYS_ALL.includes(code) && <p class="detail">{said}</p>}
      <button type="button" class="button" onClick={() => void chat.retry(message.id)}>
        <Icon name="again" /> {t('retry')}
      </button>
    </div>
  );
}
