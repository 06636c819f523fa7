import type { JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Message } from '../core/conversation.ts';
import { usePage } from './hooks.ts';
import { sends } from './keys.ts';

/** A question that is asked again in other words, or an answer that is corrected. Either adds a version. */
export function EditForm({ message, onDone }: { message: Message; onDone: () => void }): JSX.Element {
  const { chat, t } = usePage();
  const [text, setText] = useState(message.content);
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(text.length, text.length);
  }, []);
  const submit = (): void => {
    if (text.trim() === '') return;
    onDone();
    if (message.role === 'user') void chat.edit(message.id, text.trim());
    else chat.editAnswer(message.id, text.trim());
  };
  return (
    <form
      class="edit-form"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        ref={field}
        rows={Math.min(12, text.split('\n').length + 1)}
        value={text}
        aria-label={t(message.role === 'user' ? 'editMessage' : 'editAnswer')}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (sends(event)) {
            event.preventDefault();
            submit();
          } else if (event.key === 'Escape') {
            event.preventDefault();
            onDone();
          }
        }}
      />
      <div class="form-buttons">
        <button type="button" class="button" onClick={onDone}>
          {t('cancel')}
        </button>
        <button type="submit" class="button primary" disabled={text.trim() === ''}>
          {t(message.role === 'user' ? 'sendEdited' : 'save')}
        </button>
      </div>
    </form>
  );
}
