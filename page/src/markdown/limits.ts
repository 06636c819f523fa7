import type { Env, MarkdownIt, StateBlock, StateCore, StateInline, Token } from 'markdown-it';

/** Lists count twice, for the list and its item. Deeper text has no room left, and stays as it was written. */
const MAX_BLOCK_DEPTH = 32;
const MAX_INLINE_DEPTH = 24;
/** A table of more cells takes the browser longer than a reader waits; the rest is shown on request. */
const MAX_CELLS = 3000;
const MAX_COLUMNS = 300;

/** What the rules read from markdown-it's `env`. */
export type LimitsEnv = Env & {
  /** Without the limit of cells. */
  hasAllRows?: boolean;
  /** The first line that opens a formula of several lines which has not been closed by the end of the text. */
  openFormula?: number;
};

/** Keeps the time and the depth of what is shown within bounds, whatever a model writes. */
export function limitRules(md: MarkdownIt): void {
  md.block.ruler.before('table', 'too-deep', deepBlock);
  md.inline.ruler2.push('too-deep', flattenInline);
  md.core.ruler.after('block', 'large-tables', shortenTables);
}

/** Without this rule markdown-it drops what is nested too deep. */
function deepBlock(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  if (state.level < MAX_BLOCK_DEPTH) return false;
  if (silent) return true;
  const token = state.push('code_block', 'code', 0);
  token.content = state.getLines(startLine, endLine, state.blkIndent, false);
  token.map = [startLine, endLine];
  state.line = endLine;
  return true;
}

/** Emphasis inside emphasis beyond the limit has no effect. */
function flattenInline(state: StateInline): boolean {
  let depth = 0;
  for (const token of state.tokens) {
    if (token.nesting > 0 && ++depth > MAX_INLINE_DEPTH) token.hidden = true;
    if (token.nesting < 0 && depth-- > MAX_INLINE_DEPTH) token.hidden = true;
  }
  return true;
}

function shortenTables(state: StateCore): void {
  if ((state.env as LimitsEnv).hasAllRows) return;
  const kept: Token[] = [];
  let numCells = 0;
  let row = 0;
  let column = 0;
  let numColumns = 0;
  let isLongRow = false;
  for (const token of state.tokens) {
    const { type } = token;
    if (type === 'table_open') numCells = row = numColumns = 0;
    else if (type === 'tr_open') {
      isLongRow = row++ > 0 && numCells >= MAX_CELLS;
      column = 0;
    } else if (type === 'th_open' || type === 'td_open') {
      column++;
      if (column <= MAX_COLUMNS) numCells++;
      numColumns = Math.max(numColumns, column);
    } else if (type === 'tbody_close') isLongRow = false;
    else if (type === 'table_close' && (numCells > MAX_CELLS || numColumns > MAX_COLUMNS))
      token.meta = { numRows: row - 1, numColumns };
    const isLongColumn = column > MAX_COLUMNS && type !== 'tr_close';
    if (type === 'tr_close' || type === 'thead_close') column = 0;
    if (!isLongRow && !isLongColumn) kept.push(token);
  }
  state.tokens = kept;
}
