import type { JSX } from 'preact';
import { useLayoutEffect } from 'preact/hooks';
import { usePage, useValue } from './hooks.ts';
import { Icon } from './icons.tsx';

/** Long enough to read it, decide and reach the button with the keyboard. */
const OFFERED_MS = 20_000;

/** Offers to bring back what was just deleted. */
export function UndoNotice(): JSX.Element | null {
  const { chat, t } = usePage();
  const deleted = useValue(chat.trash.newest);
  useLayoutEffect(() => {
    if (!deleted) return;
    const timer = setTimeout(() => void chat.trash.endUndo(), OFFERED_MS);
    return () => clearTimeout(timer);
  }, [deleted]);
  if (!deleted) return null;
  return (
    <div class="notice undo" role="status">
      <span>{t('deleted', { title: deleted.title || t('untitled') })}</span>
      <button type="button" class="button" onClick={() => void chat.trash.undo()}>
        {t('undo')}
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label={t('close')}
        onClick={() => void chat.trash.endUndo()}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}
