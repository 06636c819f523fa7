import type { JSX } from 'preact';
import { usePage } from './hooks.ts';
import { Menu } from './menu.tsx';

/** What can be opened for an answer. */
export type AnswerDialog = 'compare' | 'exchange';

/** What one seldom does with an answer. */
export function AnswerMenu({ onOpen }: { onOpen: (dialog: AnswerDialog) => void }): JSX.Element {
  const { t } = usePage();
  return (
    <Menu
      label={t('moreActions')}
      items={[
        { label: t('compare'), icon: 'columns', onChoose: () => onOpen('compare') },
        { label: t('exchange'), onChoose: () => onOpen('exchange') },
      ]}
    />
  );
}
