/**
 * Enter that sends. The keyboard of a telephone has no Shift+Enter: there Enter starts a new line, and the button sends.
 * While an input method composes, Enter chooses a word; Safari ends the composition first, and then only the old key code
 * shows it.
 */
export function sends(event: KeyboardEvent): boolean {
  if (event.key !== 'Enter' || event.isComposing || event.keyCode === 229) return false;
  if (event.ctrlKey || event.metaKey) return true;
  return !event.shiftKey && !matchMedia('(hover: none) and (pointer: coarse)').matches;
}
