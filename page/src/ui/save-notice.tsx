import type { JSX } from 'preact';
import { saveFile } from './files.ts';
import { usePage, useValue } from './hooks.ts';

/** Says that what is shown is not saved, and how not to lose it. Nothing when all is well. */
export function SaveNotice(): JSX.Element | null {
  const { chat, t } = usePage();
  const problem = useValue(chat.saveProblem);
  if (!problem) return null;
  return (
    <div class="notice" role="alert">
      <span>{t(problem === 'full' ? 'storageFull' : 'storageFailed')}</span>
      <button
        type="button"
        class="button"
        onClick={async () => saveFile('conversations.json', await chat.files.exportAll())}
      >
        {t('exportAll')}
      </button>
      <button type="button" class="button" onClick={() => void chat.saveAgain()}>
        {t('saveAgain')}
      </button>
    </div>
  );
}
