import type { JSX } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';
import type { Usage } from '../core/storage.ts';
import { ImportError } from '../core/transfer.ts';
import { saveFile } from './files.ts';
import { usePage, useValue } from './hooks.ts';

/** Conversations in and out of the browser, and how much it holds. */
export function DataSection({ onImported }: { onImported: () => void }): JSX.Element {
  const { chat, t, announce } = usePage();
  const conversations = useValue(chat.conversations);
  const [problem, setProblem] = useState('');
  const open = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    try {
      const count = await chat.import(await file.text());
      announce(t('imported', { count }));
      onImported();
    } catch (error) {
      const reason = error instanceof ImportError ? t(error.reason) : String(error);
      setProblem(t('importFailed', { reason }));
    }
  };
  return (
    <section>
      <h3>{t('data')}</h3>
      <div class="form-buttons start">
        <button
          type="button"
          class="button"
          disabled={conversations.length === 0}
          onClick={async () => saveFile('conversations.json', await chat.files.exportAll())}
        >
          {t('exportAll')}
        </button>
        <label class="button file">
          {t('importFile')}
          <input
            type="file"
            class="sr-only"
            accept="application/json,.json"
            onChange={(event) => void open(event.currentTarget.files?.[0])}
          />
        </label>
      </div>
      {problem !== '' && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <StorageUse />
    </section>
  );
}

function StorageUse(): JSX.Element | null {
  const { chat, t } = usePage();
  const [usage, setUsage] = useState<Usage | undefined>(undefined);
  const read = async (): Promise<void> => setUsage(await chat.usage());
  useLayoutEffect(() => void read(), []);
  if (!usage) return null;
  const { usedBytes, quotaBytes, recordingBytes } = usage;
  return (
    <>
      <p class="hint storage-use">
        {usedBytes !== undefined && quotaBytes !== undefined
          ? t('storageUse', { used: megabytes(usedBytes), quota: megabytes(quotaBytes) })
          : ''}{' '}
        {t('recordingsUse', { used: megabytes(recordingBytes) })}
      </p>
      {recordingBytes > 0 && (
        <div class="form-buttons start">
          <button
            type="button"
            class="button"
            onClick={async () => {
              await chat.forgetRecordings();
              await read();
            }}
          >
            {t('deleteRecordings')}
          </button>
        </div>
      )}
    </>
  );
}

function megabytes(bytes: number): number {
  const millions = bytes / 1e6;
  return millions < 10 ? Math.round(millions * 10) / 10 : Math.round(millions);
}
