import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { titleFrom } from '../core/conversation.ts';
import { usePage } from './hooks.ts';
import { Menu } from './menu.tsx';
import { useSetting } from './use-setting.ts';

export interface ComposerMenuProps {
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly onFiles: (files: readonly File[]) => void;
}

/** What can be added to a question: files, and texts from the prompt library, which it can also be added to. */
export function ComposerMenu({ text, onText, onFiles }: ComposerMenuProps): JSX.Element {
  const { t, announce } = usePage();
  const [{ prompts }, change] = useSetting();
  const files = useRef<HTMLInputElement>(null);
  const insert = (prompt: string): void => onText(text.trim() === '' ? prompt : `${text}\n\n${prompt}`);
  return (
    <>
      <Menu
        icon="plus"
        label={t('addToQuestion')}
        items={[
          { label: t('attachFiles'), icon: 'attach', onChoose: () => files.current?.click() },
          ...prompts
            .filter((prompt) => prompt.text !== '')
            .map((prompt) => ({
              label: prompt.name || t('untitled'),
              onChoose: () => insert(prompt.text),
            })),
          {
            label: t('savePrompt'),
            icon: 'edit',
            isDisabled: text.trim() === '',
            onChoose: () => {
              change({ prompts: [...prompts, { name: titleFrom(text), text: text.trim() }] });
              announce(t('promptSaved'));
            },
          },
        ]}
      />
      <input
        ref={files}
        type="file"
        multiple
        hidden
        aria-label={t('attachFiles')}
        onChange={(event) => {
          onFiles([...(event.currentTarget.files ?? [])]);
          // The same file may be chosen again.
          event.currentTarget.value = '';
        }}
      />
    </>
  );
}
