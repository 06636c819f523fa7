import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { parseSchema } from '../core/answer-options.ts';
import { withAttachments } from '../core/attachments.ts';
import { AttachmentList, useAttachments } from './attachments.tsx';
import { ComposerMenu } from './composer-menu.tsx';
import { usePage, useValue } from './hooks.ts';
import { Icon } from './icons.tsx';
import { sends } from './keys.ts';

/** Where questions are written. While an answer streams, its button stops it. */
export function Composer(): JSX.Element {
  const { chat, t } = usePage();
  const field = useRef<HTMLTextAreaElement>(null);
  useValue(chat.conversations);
  const currentId = useValue(chat.currentId);
  useValue(chat.drafts.texts);
  const text = chat.drafts.of(currentId);
  const { isAnswering } = chat;
  const attachments = useAttachments(currentId);
  const canSend = (text.trim() !== '' || attachments.files.length > 0) && !isAnswering;

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
    chat.drafts.set(currentId, '');
    attachments.clear();
    void chat.send(withAttachments(text.trim(), attachments.files));
  };
  return (
    <form
      class={`composer ${attachments.isDragging ? 'dragging' : ''}`}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <AttachmentList attachments={attachments} />
      <div class="composer-box">
        <ComposerMenu
          text={text}
          onText={(added) => {
            chat.drafts.set(currentId, added);
            field.current?.focus();
          }}
          onFiles={(files) => void attachments.add(files)}
        />
        <textarea
          id="message-field"
          ref={field}
          rows={1}
          value={text}
          placeholder={t('messagePlaceholder')}
          aria-label={t('messagePlaceholder')}
          aria-describedby="composer-hint"
          onInput={(event) => chat.drafts.set(currentId, event.currentTarget.value)}
          onPaste={(event) => {
            const files = [...(event.clipboardData?.files ?? [])];
            if (files.length === 0) return;
            event.preventDefault();
            void attachments.add(files);
          }}
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
        {t(attachments.isDragging ? 'dropHint' : 'sendHint')}
        <SchemaHint />
      </p>
    </form>
  );
}

/** A schema from the settings changes every answer, so that it is shown where one asks. */
function SchemaHint(): JSX.Element | null {
  const { settings, t } = usePage();
  const parsed = parseSchema(useValue(settings).schema);
  if ('schema' in parsed) return <strong> {t('schemaActive')}</strong>;
  return parsed.problem === 'none' ? null : <strong> {t('schemaWrong')}</strong>;
}
