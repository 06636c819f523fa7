import type { JSX } from 'preact';
import { Dialog } from './dialog.tsx';
import { usePage } from './hooks.ts';
import { SHORTCUTS } from './use-shortcuts.ts';

/** The keys of the page. */
export function ShortcutHelp({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }): JSX.Element {
  const { t } = usePage();
  return (
    <Dialog title={t('shortcuts')} isOpen={isOpen} onClose={onClose}>
      <dl class="shortcuts">
        {SHORTCUTS.map(([keys, action]) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{t(action)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
