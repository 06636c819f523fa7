import MarkdownIt, { type Token } from 'markdown-it';
import { footnoteRules } from './footnotes.ts';
import { headingRules } from './headings.ts';
import { type LimitsEnv, limitRules } from './limits.ts';
import { linkRules } from './links.ts';
import { mathsRules } from './maths-rules.ts';
import { taskRules } from './tasks.ts';

// A line of an answer is a line: poems and addresses are written so, and models do not wrap text.
const md = new MarkdownIt({ html: false, linkify: true, breaks: true });
md.use(mathsRules).use(footnoteRules).use(limitRules).use(linkRules).use(taskRules).use(headingRules);
// Links to bare domain names turn file names such as main.rs into links.
md.linkify.set({ fuzzyLink: false, fuzzyEmail: false });

const button = (kind: string): string => `<button type="button" class="tool ${kind}"></button>`;
const code = (text: string, language: string): string => {
  const name = md.utils.escapeHtml(language);
  const buttons = `<span>${button('wrap-code')}${button('save-code')}${button('copy-code')}</span>`;
  const body = `<code class="language-${name}">${md.utils.escapeHtml(text)}</code>`;
  const head = `<div class="code-head"><span>${name}</span>${buttons}</div>`;
  return `<div class="code-block" dir="ltr">${head}<pre tabindex="0">${body}</pre></div>`;
};
md.renderer.rules.fence = (tokens, index) =>
  code(tokens[index].content, tokens[index].info.trim().split(/\s+/)[0]);
md.renderer.rules.code_block = (tokens, index) => code(tokens[index].content, '');
// Alignment comes as a style attribute, which the content security policy forbids.
for (const name of ['th_open', 'td_open'] as const) {
  md.renderer.rules[name] = (tokens, index) => {
    const side = /right|center/.exec(String(tokens[index].attrGet('style') ?? ''))?.[0];
    return `<${tokens[index].tag}${side ? ` class="${side}"` : ''}>`;
  };
}
md.renderer.rules.table_open = () =>
  `<div class="table-block">${button('expand-table')}<div class="table-scroll" tabindex="0"><table>`;
md.renderer.rules.table_close = (tokens, index) => {
  const { meta } = tokens[index];
  const more = meta
    ? `<button type="button" class="all-rows" value="${meta.numRows} ${meta.numColumns}"></button>`
    : '';
  return `</table></div>${more}</div>`;
};

/**
 * Markdown as HTML that is not sanitised, one string for each block on the top level. What cannot be rendered comes as it was
 * written.
 */
export function markdownBlocks(text: string, env: LimitsEnv = {}): readonly string[] {
  return parseBlocks(text, env).map(({ html }) => html);
}

export interface ParsedBlock {
  readonly html: string;
  /** Where it begins in the text; undefined for the notes at the end. */
  readonly line: number | undefined;
}

export function parseBlocks(text: string, env: LimitsEnv): readonly ParsedBlock[] {
  const blocks: ParsedBlock[] = [];
  try {
    let block: Token[] = [];
    let depth = 0;
    for (const token of md.parse(text, env)) {
      block.push(token);
      depth += token.nesting;
      if (depth > 0) continue;
      blocks.push({ html: md.renderer.render(block, md.options, env), line: block[0].map?.[0] });
      block = [];
    }
    return blocks;
  } catch {
    return [{ html: `<div class="source">${md.utils.escapeHtml(text)}</div>`, line: 0 }];
  }
}
