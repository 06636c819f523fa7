import { render } from 'preact';
import type { StringKey, Translate } from '../strings.ts';
import { copyText, saveFile } from './files.ts';
import { Icon, type IconName } from './icons.tsx';

/** The controls inside of rendered markdown. They come as empty buttons of these classes. */
const TOOLS: readonly (readonly [selector: string, label: StringKey, icon: IconName])[] = [
  ['.wrap-code', 'wrapCode', 'wrap'],
  ['.save-code', 'saveCode', 'download'],
  ['.copy-code', 'copyCode', 'copy'],
  ['.expand-table', 'expandTable', 'expand'],
];

/** Endings of files by languages that are called otherwise; short names of languages are endings. */
const ENDINGS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    python: 'py',
    javascript: 'js',
    typescript: 'ts',
    shell: 'sh',
    bash: 'sh',
    rust: 'rs',
    golang: 'go',
    markdown: 'md',
    'c++': 'cpp',
  }),
);

/** Names and icons of the controls, which the page's language decides. */
export function labelTools(root: Element, t: Translate, isWrapped: boolean): void {
  for (const [selector, label, icon] of TOOLS) {
    for (const button of root.querySelectorAll(selector)) {
      button.setAttribute('aria-label', t(label));
      button.setAttribute('title', t(label));
      if (!button.firstChild) render(<Icon name={icon} />, button);
      if (selector === '.wrap-code') button.setAttribute('aria-pressed', String(isWrapped));
      if (selector === '.expand-table') button.toggleAttribute('hidden', !document.fullscreenEnabled);
    }
  }
  for (const button of root.querySelectorAll<HTMLButtonElement>('.note-ref, .note-back'))
    button.setAttribute(
      'aria-label',
      button.matches('.note-ref') ? t('footnote', { number: button.value }) : t('backToText'),
    );
  for (const button of root.querySelectorAll<HTMLButtonElement>('.all-rows')) {
    const [rows, columns] = button.value.split(' ').map(Number);
    button.textContent = t('showAllRows', { rows, columns });
  }
}

/** What a click on one of the controls does that concerns nothing but the block. Resolves to what to announce. */
export async function applyTool(button: HTMLButtonElement): Promise<StringKey | undefined> {
  const block = button.closest('.code-block')?.querySelector('code');
  const text = block?.textContent ?? '';
  if (button.matches('.note-ref, .note-back')) goToNote(button);
  if (button.matches('.expand-table')) await toggleFullscreen(button.closest('.table-block'));
  if (button.matches('.save-code')) saveFile(`code.${endingOf(block)}`, text, 'text/plain');
  if (!button.matches('.copy-code') || !(await copyText(text))) return undefined;
  render(<Icon name="check" />, button);
  setTimeout(() => render(<Icon name="copy" />, button), 1500);
  return 'copied';
}

/** From a footnote's number to the note, and back. */
function goToNote(button: HTMLButtonElement): void {
  const target = button.matches('.note-ref')
    ? `.notes li[value="${button.value}"]`
    : `.note-ref[value="${button.value}"]`;
  button.closest('.markdown')?.querySelector<HTMLElement>(target)?.focus();
}

async function toggleFullscreen(element: Element | null): Promise<void> {
  if (document.fullscreenElement) await document.exitFullscreen();
  // Refused, the table stays where it is.
  else await element?.requestFullscreen().catch(() => {});
}

function endingOf(code: Element | null | undefined): string {
  const language = /^language-(\S*)/.exec(code?.className ?? '')?.[1].toLowerCase() ?? '';
  return ENDINGS.get(language) ?? (/^[a-z0-9]{1,5}$/.test(language) ? language : 'txt');
}
