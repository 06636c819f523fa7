import type { JSX } from 'preact';
import { asCurl, indented } from '../core/exchanges.ts';
import { copyText } from './files.ts';
import { usePage, useValue } from './hooks.ts';

/** What was sent for an answer and what came back, to read and to copy. */
export function ExchangeView({ messageId }: { messageId: string }): JSX.Element {
  const { chat, t, announce } = usePage();
  const exchange = useValue(chat.exchanges.byMessage).get(messageId);
  if (!exchange) return <p class="hint">{t('noExchange')}</p>;
  const copy = async (text: string): Promise<void> => {
    if (await copyText(text)) announce(t('copied'));
  };
  const request = indented(exchange.body);
  const response = exchange.payloads.join('\n');
  return (
    <>
      <section>
        <div class="section-head">
          <h3>{t('request')}</h3>
          <span class="form-buttons">
            <button type="button" class="button" onClick={() => void copy(asCurl(exchange))}>
              {t('copyAsCurl')}
            </button>
            <button type="button" class="button" onClick={() => void copy(request)}>
              {t('copy')}
            </button>
          </span>
        </div>
        <p class="hint">POST {exchange.url}</p>
        <Raw label={t('request')} text={request} />
      </section>
      <section>
        <div class="section-head">
          <h3>{t('response')}</h3>
          <button type="button" class="button" onClick={() => void copy(response)}>
            {t('copy')}
          </button>
        </div>
        {exchange.isCut && <p class="hint">{t('responseCut')}</p>}
        <Raw label={t('response')} text={response} />
      </section>
    </>
  );
}

function Raw({ label, text }: { label: string; text: string }): JSX.Element {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
    <section class="raw" tabIndex={0} aria-label={label}>
      <pre>{text}</pre>
    </section>
  );
}
