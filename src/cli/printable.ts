/**
 * Text from a model or a file, safe to show: control characters other than tab and line ends become U+FFFD, or a
 * terminal would obey them.
 */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\t\r\n]/gu, '\ufffd');
}
