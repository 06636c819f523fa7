import type { JSX } from 'preact';
import { Dialog } from './dialog.tsx';
import { usePage } from './hooks.ts';
import { lazyPart } from './lazy-part.tsx';

const SettingsBody = lazyPart(async () => (await import('./settings-body.tsx')).SettingsBody);

export function SettingsDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }): JSX.Element {
  const { t } = usePage();
  return (
    <Dialog title={t('settings')} isOpen={isOpen} onClose={onClose}>
      <SettingsBody onImported={onClose} />
    </Dialog>
  );
}
