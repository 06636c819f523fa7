import { parseBlocks } from './blocks.ts';
import type { LimitsEnv } from './limits.ts';

/**
 * The blocks of a text that grows at its end. Blocks that nothing to come can change are not parsed again. Definitions of links
 * and footnotes apply to all of a text, which is parsed as a whole once it has one.
 */
export class GrowingMarkdown {
  /** The text of the finished blocks, and what they became. */
  private prefix = '';
  private finished: readonly string[] = [];
  private isWhole = false;
  private hasAllRows = false;
  /** How long the lines were that were last looked at for finished blocks. */
  private seenLength = 0;

  blocks(text: string, hasAllRows: boolean): readonly string[] {
    if (!text.startsWith(this.prefix) || hasAllRows !== this.hasAllRows) this.forget();
    this.hasAllRows = hasAllRows;
    if (!this.isWhole) this.finish(text.slice(this.prefix.length));
    const env: LimitsEnv = { hasAllRows };
    const growing = parseBlocks(text.slice(this.prefix.length), env).map(({ html }) => html);
    if (this.prefix === '' || !hasDefinitions(env)) return [...this.finished, ...growing];
    this.forget();
    this.isWhole = true;
    return this.blocks(text, hasAllRows);
  }

  /**
   * The last line may be incomplete, and the last block of those above it may continue. What is above both is finished,
   * unless a formula of several lines begins there whose end is yet to come.
   */
  private finish(tail: string): void {
    const length = Math.max(tail.lastIndexOf('\n'), tail.lastIndexOf('\r')) + 1;
    if (length === this.seenLength) return;
    this.seenLength = length;
    const lines = tail.slice(0, length);
    const env: LimitsEnv = { hasAllRows: this.hasAllRows };
    const parsed = parseBlocks(lines, env);
    if (hasDefinitions(env)) {
      this.forget();
      this.isWhole = true;
      return;
    }
    const last = parsed.findLastIndex(({ line }) => line !== undefined && line <= (env.openFormula ?? line));
    if (last <= 0) return;
    const start = lineStart(lines, parsed[last].line as number);
    this.finished = [...this.finished, ...parsed.slice(0, last).map(({ html }) => html)];
    this.prefix += lines.slice(0, start);
    this.seenLength -= start;
  }

  private forget(): void {
    this.prefix = '';
    this.finished = [];
    this.seenLength = 0;
  }
}

function hasDefinitions({ references, footnotes }: LimitsEnv): boolean {
  return references !== undefined || footnotes !== undefined;
}

function lineStart(text: string, line: number): number {
  const ends = /\r\n?|\n/g;
  for (let i = 0; i < line; i++) ends.test(text);
  return line === 0 ? 0 : ends.lastIndex;
}
