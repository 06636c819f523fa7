import type { JSX } from 'preact';
import type { AnswerDialog } from './answer-menu.tsx';
import { Dialog } from './dialog.tsx';
import { usePage } from './hooks.ts';
import { lazyPart } from './lazy-part.tsx';

const CompareView = lazyPart(async () => (await import('./compare-view.tsx')).CompareView);
const ExchangeView = lazyPart(async () => (await import('./exchange-view.tsx')).ExchangeView);

export interface OpenDialog {
  readonly dialog: AnswerDialog;
  readonly messageId: string;
}

/** What is open for an answer of the conversation; it stays when another branch is shown. */
export function AnswerDialogs({
  open,
  onClose,
}: {
  open: OpenDialog | undefined;
  onClose: () => void;
}): JSX.Element {
  const { t } = usePage();
  const dialog = open?.dialog ?? 'compare';
  const messageId = open?.messageId ?? '';
  return (
    <Dialog title={t(dialog)} isWide={dialog === 'compare'} isOpen={open !== undefined} onClose={onClose}>
      {dialog === 'compare' ? <CompareView messageId={messageId} /> : <ExchangeView messageId={messageId} />}
    </Dialog>
  );
}
