import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { usePage, useValue } from './hooks.ts';

/** Says that there is no server, or asks for the key that it wants. Nothing when all is well. */
export function ServerNotice(): JSX.Element | null {
  const { chat, settings, t } = usePage();
  const server = useValue(chat.server);
  const [key, setKey] = useState('');
  if (server.status === 'failed') {
    return (
      <div class="notice" role="alert">
        <span>{t('serverFailed', { reason: server.message })}</span>
        <button type="button" class="button" onClick={() => void chat.connect()}>
          {t('retry')}
        </button>
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
