import type { ComponentChildren, JSX } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { usePage } from './hooks.ts';
import { Icon } from './icons.tsx';

export interface DialogProps {
  readonly title: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  /** As wide as the window allows. */
  readonly isWide?: boolean;
  /** Rendered while it is open. */
  readonly children: ComponentChildren;
}

/** Over the page, until it is closed with its button, Escape or a click next to it. The browser keeps the focus inside. */
export function Dialog({ title, isOpen, onClose, isWide, children }: DialogProps): JSX.Element {
  const { t } = usePage();
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useLayoutEffect(() => {
    if (isOpen && !dialog.current?.open) dialog.current?.showModal();
    else if (!isOpen) dialog.current?.close();
  }, [isOpen]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a dialog anyway; the click is for the backdrop
    <dialog
      ref={dialog}
      class={isWide ? 'modal wide' : 'modal'}
      aria-labelledby={titleId}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      {isOpen && (
        <div class="modal-body">
          <header>
            <h2 id={titleId}>{title}</h2>
            <button type="button" class="icon-button" aria-label={t('close')} onClick={onClose}>
              <Icon name="close" />
            </button>
          </header>
          {children}
        </div>
      )}
    </dialog>
  );
}
