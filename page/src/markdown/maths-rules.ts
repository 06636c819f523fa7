import type { MarkdownIt, StateBlock, StateInline } from 'markdown-it';
import type { LimitsEnv } from './limits.ts';

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
  const end = closeAfter(state, start, rule.close);
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
  const end = closeAfter(state, start + rule.open.length, rule.close);
  if (end < 0 || end >= state.eMarks[endLine - 1]) {
    const env = state.env as LimitsEnv;
    env.openFormula = Math.min(env.openFormula ?? startLine, startLine);
    return false;
  }
  const line = lineAt(state, end, startLine, endLine);
  if (state.src.slice(end + rule.close.length, state.eMarks[line]).trim() !== '') return false;
  if (silent) return true;
  const token = state.push('maths', '', 0);
  token.block = true;
  // Without the signs of a quotation before each line.
  const lines = state.getLines(startLine, line + 1, state.blkIndent, false).trim();
  token.content = lines.slice(rule.open.length, -rule.close.length).trim();
  token.map = [startLine, line + 1];
  state.line = line + 1;
  return true;
}

/** The line of a position, by bisection: a formula that never ends would be searched line by line for every one that begins. */
function lineAt(state: StateBlock, position: number, from: number, to: number): number {
  let low = from;
  let high = to - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (state.eMarks[middle] < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** By text and sign: where the last search began and what it found. */
const searches = new WeakMap<object, Map<string, { from: number; at: number }>>();

/**
 * Where the sign that closes a formula comes first at or after a position, or -1. Texts are searched once: 20,000 signs that open
 * a formula and none that closes it would otherwise take time with their square.
 */
function closeAfter(state: StateInline | StateBlock, from: number, close: string): number {
  let known = searches.get(state);
  if (!known) {
    known = new Map();
    searches.set(state, known);
  }
  const last = known.get(close);
  if (last && last.from <= from && (last.at < 0 || last.at >= from)) return last.at;
  const at = findClose(state.src, from, close);
  known.set(close, { from, at });
  return at;
}

/** A backslash before the closing sign makes it part of the formula. */
function findClose(text: string, from: number, close: string): number {
  for (let at = text.indexOf(close, from); at >= 0; at = text.indexOf(close, at + 1)) {
    if (close.startsWith('\\') || text[at - 1] !== '\\') return at;
  }
  return -1;
}
