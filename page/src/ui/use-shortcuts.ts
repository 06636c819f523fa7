import { useLayoutEffect } from 'preact/hooks';
import type { StringKey } from '../strings.ts';

/** Ctrl, or the key that does its work on a Mac. */
export const CONTROL = /Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘' : 'Ctrl';

/** What the help lists: keys, and what they do. */
export const SHORTCUTS: readonly (readonly [keys: string, action: StringKey])[] = [
  ['Enter', 'keySend'],
  ['Shift Enter', 'keyNewLine'],
  ['Esc', 'keyStop'],
  [`${CONTROL} K`, 'keySearch'],
  [`${CONTROL} Shift O`, 'newChat'],
  ['/', 'keyField'],
  [`${CONTROL} /`, 'shortcuts'],
  ['← → ↑ ↓', 'keyArrows'],
  ['Shift ← →', 'keySecondToken'],
];

export interface Actions {
  readonly onSearch: () => void;
  readonly onNewChat: () => void;
  readonly onField: () => void;
  readonly onHelp: () => void;
  /** Stops an answer, or closes what lies over the page. */
  readonly onEscape: () => void;
}

/** Keys that work wherever the focus is; those of a single character not where one types. */
export function useShortcuts(actions: Actions): void {
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const action = event.defaultPrevented ? undefined : actionOf(event, actions);
      if (!action) return;
      // Escape also closes what belongs to the browser.
      if (event.key !== 'Escape') event.preventDefault();
      action();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  });
}

function actionOf(event: KeyboardEvent, actions: Actions): (() => void) | undefined {
  const key = event.key.toLowerCase();
  // A dialog closes itself, and nothing under it changes.
  if (document.querySelector('dialog[open]')) return undefined;
  if ((event.ctrlKey || event.metaKey) && !event.altKey) {
    if (key === 'k') return actions.onSearch;
    if (key === '/') return actions.onHelp;
    return key === 'o' && event.shiftKey ? actions.onNewChat : undefined;
  }
  if (key === 'escape') return actions.onEscape;
  if (event.altKey || (event.target as Element).closest('input, textarea, select, [role=menu]'))
    return undefined;
  if (key === '/') return actions.onField;
  return key === '?' ? actions.onHelp : undefined;
}
