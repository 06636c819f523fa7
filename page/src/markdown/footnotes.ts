/// <reference path="./markdown-it-footnote.d.ts" />
import type { MarkdownIt, StateInline, Token } from 'markdown-it';
import footnotes from 'markdown-it-footnote';

/** Further ones stay text: the time for footnotes grows with their square. */
const MAX_NOTES = 200;

/** `[^1]` and its note at the end. Buttons, because the address of the page names the conversation, not a place in it. */
export function footnoteRules(md: MarkdownIt): void {
  md.use(footnotes);
  // ^[a-z] is a regular expression more often than a note.
  md.inline.ruler.disable('footnote_inline');
  md.inline.ruler.before('footnote_ref', 'too-many-notes', tooManyNotes);
  const { rules } = md.renderer;
  rules.footnote_ref = (tokens, index) =>
    `<sup><button type="button" class="note-ref" value="${numberOf(tokens[index])}">${numberOf(tokens[index])}</button></sup>`;
  rules.footnote_block_open = () => '<section class="notes"><ol>';
  rules.footnote_block_close = () => '</ol></section>';
  rules.footnote_open = (tokens, index) => `<li value="${numberOf(tokens[index])}" tabindex="-1">`;
  rules.footnote_anchor = (tokens, index) =>
    tokens[index].meta?.subId
      ? ''
      : ` <button type="button" class="note-back" value="${numberOf(tokens[index])}">↩</button>`;
}

function tooManyNotes(state: StateInline, silent: boolean): boolean {
  const { list = [] } = (state.env.footnotes ?? {}) as { list?: readonly unknown[] };
  if (list.length < MAX_NOTES || !state.src.startsWith('[^', state.pos)) return false;
  if (!silent) state.pending += '[^';
  state.pos += 2;
  return true;
}

function numberOf(token: Token): number {
  return Number(token.meta?.id) + 1;
}
