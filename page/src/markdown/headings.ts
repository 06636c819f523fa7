import type { MarkdownIt, StateCore } from 'markdown-it';

/** Levels above those of an answer: the model's name (h1), and who says what (h2). */
const LEVELS_ABOVE = 2;

/** The headings of an answer lie below that of the answer; how large they look follows what the model wrote. */
export function headingRules(md: MarkdownIt): void {
  md.core.ruler.push('headings', (state: StateCore) => {
    for (const token of state.tokens) {
      if (token.type !== 'heading_open' && token.type !== 'heading_close') continue;
      const level = Number(token.tag.slice(1));
      token.tag = `h${Math.min(6, level + LEVELS_ABOVE)}`;
      if (token.nesting === 1) token.attrSet('class', `level-${level}`);
    }
  });
}
