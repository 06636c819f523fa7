import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { usePage, useValue } from './hooks.ts';

/** Says that the server is away or loads its model, or asks for the key that it wants. Nothing when all is well. */
export function ServerNotice(): JSX.Element | null {
  const { chat, settings, t } = usePage();
  const server = useValue(chat.server);
  const [key, setKey] = useState('');
  if (server.status === 'failed') {
    return (
      <div class="notice" role="alert">
        <span>
          {server.code === 'unreachable'
            ? t('errorUnreachable')
            : t('serverFailed', { reason: server.message })}{' '}
          {t('askedAgain')}
        </span>
        <button type="button" class="button" onClick={() => void chat.connect()}>
          {t('retryNow')}
        </button>
      </div>
    );
  }
  if (server.status === 'loading') {
    return (
      <div class="notice" role="status">
        <span>
          {t('serverLoading', { reason: server.message })}{' '}
          <span aria-hidden="true">{t('seconds', { count: Math.round(server.forMs / 1000) })}</span>
        </span>
      </div>
    );
  }
  if (server.status !== 'needs-key') return null;
  return (
    <form
      class="notice"
      onSubmit={(event) => {
        event.preventDefault();
        settings.update((all) => ({ ...all, apiKey: key.trim() }));
        void chat.connect();
      }}
    >
      <label for="key-field">{t(server.wasWrong ? 'keyWrong' : 'keyNeeded')}</label>
      <input
        id="key-field"
        type="password"
        autocomplete="off"
        value={key}
        placeholder={t('apiKey')}
        onInput={(event) => setKey(event.currentTarget.value)}
      />
      <button type="submit" class="button primary">
        {t('connect')}
      </button>
    </form>
  );
}
