/**
 * Enter that sends. While an input method composes it chooses a word; Safari ends the composition first and then only the old
 * key code shows it.
 */
export function isPlainEnter(event: KeyboardEvent): boolean {
  return event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
}
