import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type Attachment, MAX_FILE_BYTES, type Refusal, readAttachment } from '../core/attachments.ts';
import { usePage } from './hooks.ts';
import { Icon } from './icons.tsx';

export interface Attachments {
  readonly files: readonly Attachment[];
  readonly problems: readonly { readonly name: string; readonly reason: Refusal }[];
  /** Files are held over the page. */
  readonly isDragging: boolean;
  readonly add: (files: Iterable<File>) => Promise<void>;
  readonly remove: (index: number) => void;
  readonly clear: () => void;
}

/** Files that wait to be sent with the next question of a conversation: chosen, pasted, or dropped anywhere on the page. */
export function useAttachments(conversationId: string | undefined): Attachments {
  const { announce, t } = usePage();
  const [waiting, setWaiting] = useState<ReadonlyMap<string | undefined, readonly Attachment[]>>(new Map());
  const [problems, setProblems] = useState<Attachments['problems']>([]);
  const [isDragging, setDragging] = useState(false);
  const files = waiting.get(conversationId) ?? [];
  const change = (update: (before: readonly Attachment[]) => readonly Attachment[]): void =>
    setWaiting((all) => new Map([...all, [conversationId, update(all.get(conversationId) ?? [])]]));
  const add = async (added: Iterable<File>): Promise<void> => {
    const read = await Promise.all(
      [...added].map(async (file) => {
        // Not even read where it is too large.
        const bytes = file.slice(0, MAX_FILE_BYTES + 1).arrayBuffer();
        return { name: file.name, result: readAttachment(file.name, new Uint8Array(await bytes)) };
      }),
    );
    const texts = read.flatMap(({ result }) => (typeof result === 'string' ? [] : [result]));
    change((before) => [...before, ...texts]);
    setProblems(
      read.flatMap(({ name, result }) => (typeof result === 'string' ? [{ name, reason: result }] : [])),
    );
    if (texts.length > 0) announce(t('filesAdded', { names: texts.map(({ name }) => name).join(', ') }));
  };

  useEffect(() => {
    // Without these the browser would leave the page and show the file.
    const hold = (event: DragEvent): void => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      setDragging(true);
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setDragging(false);
    };
    const drop = (event: DragEvent): void => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      setDragging(false);
      void add(event.dataTransfer.files);
    };
    document.addEventListener('dragover', hold);
    document.addEventListener('dragleave', leave);
    document.addEventListener('drop', drop);
    return () => {
      document.removeEventListener('dragover', hold);
      document.removeEventListener('dragleave', leave);
      document.removeEventListener('drop', drop);
    };
  });
  return {
    files,
    problems,
    isDragging,
    add,
    remove: (index) => change((before) => before.filter((_, i) => i !== index)),
    clear: () => {
      change(() => []);
      setProblems([]);
    },
  };
}

/** The files that wait, each with a button that removes it, and why others were refused. */
export function AttachmentList({ attachments }: { attachments: Attachments }): JSX.Element {
  const { t } = usePage();
  const { files, problems, remove } = attachments;
  return (
    <>
      {files.length > 0 && (
        <ul class="attachments" aria-label={t('filesToSend')}>
          {files.map(({ name, text }, index) => (
            <li key={`${index} ${name}`}>
              <Icon name="file" />
              <span class="attachment-name">{name}</span>
              <span class="hint">{t('lineCount', { count: numLines(text) })}</span>
              <button
                type="button"
                class="icon-button small"
                aria-label={t('removeFile', { name })}
                onClick={() => remove(index)}
              >
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
      {problems.length > 0 && (
        <div class="attachment-problems problem" role="alert">
          {problems.map(({ name, reason }, index) => (
            <p key={`${index} ${name}`}>{t(reason, { name, size: MAX_FILE_BYTES / 1024 })}</p>
          ))}
        </div>
      )}
    </>
  );
}

export function numLines(text: string): number {
  return text.replace(/\n$/, '').split('\n').length;
}
