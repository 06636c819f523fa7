import type { JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { usePage, useValue } from './hooks.ts';
import { Icon } from './icons.tsx';
import { sends } from './keys.ts';

/** Where questions are written. While an answer streams, its button stops it. */
export function Composer(): JSX.Element {
  const { chat, t } = usePage();
  const [text, setText] = useState('');
  const field = useRef<HTMLTextAreaElement>(null);
  useValue(chat.conversations);
  const currentId = useValue(chat.currentId);
  const { current } = chat;
  const isAnswering = current?.leaf != null && current.nodes[current.leaf]?.status === 'streaming';
  const canSend = text.trim() !== '' && !isAnswering;

  useLayoutEffect(() => {
    // On a telephone the focus would bring up the keyboard.
    if (matchMedia('(hover: hover)').matches) field.current?.focus();
  }, [currentId]);
  useLayoutEffect(() => {
    if (!field.current) return;
    field.current.style.height = 'auto';
    field.current.style.height = `${field.current.scrollHeight}px`;
  }, [text]);

  const send = (): void => {
    if (!canSend) return;
    setText('');
    void chat.send(text.trim());
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div class="composer-box">
        <textarea
          id="message-field"
          ref={field}
          rows={1}
          value={text}
          placeholder={t('messagePlaceholder')}
          aria-label={t('messagePlaceholder')}
          aria-describedby="composer-hint"
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (!sends(event)) return;
            event.preventDefault();
            send();
          }}
        />
        {isAnswering ? (
          <button type="button" class="send stop" aria-label={t('stop')} onClick={() => chat.stop()}>
            <Icon name="stop" />
          </button>
        ) : (
          <button type="submit" class="send" aria-label={t('send')} disabled={!canSend}>
            <Icon name="send" />
          </button>
        )}
      </div>
      <p id="composer-hint" class="hint">
        {t('sendHint')}
      </p>
    </form>
  );
}
