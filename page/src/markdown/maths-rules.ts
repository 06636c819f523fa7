import type { MarkdownIt, StateBlock, StateInline } from 'markdown-it';

/** The class of an element whose text is TeX; `typesetMaths` replaces its content. */
export const MATHS_CLASS = 'maths';

const INLINE = [
  { open: '$$', close: '$$' },
  { open: '\\(', close: '\\)' },
  { open: '\\[', close: '\\]' },
  { open: '$', close: '$' },
];
const BLOCK = [
  { open: '$$', close: '$$' },
  { open: '\\[', close: '\\]' },
];

/** `$…$`, `$$…$$`, `\(…\)` and `\[…\]` become maths. Amounts of money stay text: see `isMoney`. */
export function mathsRules(md: MarkdownIt): void {
  // Before escapes, which would eat the backslash of \( and \[.
  md.inline.ruler.before('escape', 'maths', inlineMaths);
  md.block.ruler.before('fence', 'maths', blockMaths, {
    alt: ['paragraph', 'reference', 'blockquote', 'list'],
  });
  md.renderer.rules.maths = (tokens, index) => {
    const { content, block } = tokens[index];
    const tex = md.utils.escapeHtml(content);
    return block
      ? `<div class="${MATHS_CLASS} display">${tex}</div>`
      : `<span class="${MATHS_CLASS}">${tex}</span>`;
  };
}

function inlineMaths(state: StateInline, silent: boolean): boolean {
  const rule = INLINE.find(({ open }) => state.src.startsWith(open, state.pos));
  if (!rule) return false;
  const start = state.pos + rule.open.length;
  const end = findClose(state.src, start, rule.close);
  if (end < 0 || end >= state.posMax) return false;
  const content = state.src.slice(start, end);
  if (content.trim() === '' || (rule.open === '$' && isMoney(content, state.src[end + 1]))) return false;
  if (!silent) state.push('maths', '', 0).content = content.trim();
  state.pos = end + rule.close.length;
  return true;
}

/** "$5 and $6" is not a formula: in a formula no space follows the first dollar or precedes the last, and no digit follows. */
function isMoney(content: string, after: string | undefined): boolean {
  return /^\s|\s$/.test(content) || /\d/.test(after ?? '');
}

function blockMaths(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  const start = state.bMarks[startLine] + state.tShift[startLine];
  const rule = BLOCK.find(({ open }) => state.src.startsWith(open, start));
  if (!rule) return false;
  for (let line = startLine; line < endLine; line++) {
    const from = line === startLine ? start + rule.open.length : state.bMarks[line];
    const text = state.src.slice(from, state.eMarks[line]);
    const at = findClose(text, 0, rule.close);
    if (at < 0) continue;
    if (text.slice(at + rule.close.length).trim() !== '') return false;
    if (silent) return true;
    const token = state.push('maths', '', 0);
    token.block = true;
    token.content = state.src.slice(start + rule.open.length, from + at).trim();
    token.map = [startLine, line + 1];
    state.line = line + 1;
    return true;
  }
  return false;
}

/** A backslash before the closing sign makes it part of the formula. */
function findClose(text: string, from: number, close: string): number {
  for (let at = text.indexOf(close, from); at >= 0; at = text.indexOf(close, at + 1)) {
    if (close.startsWith('\\') || text[at - 1] !== '\\') return at;
  }
  return -1;
}
