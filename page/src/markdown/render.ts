import DOMPurify from 'dompurify';
import MarkdownIt, { type Token } from 'markdown-it';
import { mathsRules } from './maths-rules.ts';

const md = new MarkdownIt({ html: false, linkify: true, breaks: false });
md.use(mathsRules);
// Links to bare domain names turn file names such as main.rs into links.
md.linkify.set({ fuzzyLink: false, fuzzyEmail: false });

// Images would be fetched from elsewhere; the policy of this page forbids it, so they become links.
md.renderer.rules.image = (tokens, index) => {
  const token = tokens[index];
  const address = md.utils.escapeHtml(String(token.attrGet('src') ?? ''));
  const text = md.utils.escapeHtml(token.content || address);
  return `<a href="${address}">${text}</a>`;
};
const code = (text: string, language: string): string => {
  const name = md.utils.escapeHtml(language);
  const button = '<button type="button" class="copy-code"></button>';
  const body = `<code class="language-${name}">${md.utils.escapeHtml(text)}</code>`;
  const head = `<div class="code-head"><span>${name}</span>${button}</div>`;
  return `<div class="code-block">${head}<pre tabindex="0">${body}</pre></div>`;
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
md.renderer.rules.table_open = () => '<div class="table-scroll"><table>';
md.renderer.rules.table_close = () => '</table></div>';

const TAGS =
  'a blockquote br button code div em h1 h2 h3 h4 h5 h6 hr li ol p pre s span strong table tbody td th thead tr ul';
const PURIFY = {
  ALLOWED_TAGS: [...TAGS.split(' '), '#text'],
  ALLOWED_ATTR: ['class', 'href', 'rel', 'start', 'tabindex', 'target', 'title', 'type'],
  ALLOW_DATA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
};

/** markdown-it's own check of addresses comes first; this one sees what the browser would see. */
DOMPurify.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName !== 'A') return;
  node.setAttribute('target', '_blank');
  node.setAttribute('rel', 'noopener noreferrer nofollow');
});

/**
 * Markdown as safe HTML, one string for each block on the top level. While an answer grows, only its last blocks change; what
 * shows them can leave the others alone. `known` caches what was sanitised before, for one growing text.
 */
export function renderBlocks(text: string, known: Map<string, string>): readonly string[] {
  const env = {};
  const tokens = md.parse(text, env);
  const blocks: string[] = [];
  const used = new Map<string, string>();
  let block: Token[] = [];
  for (const token of tokens) {
    block.push(token);
    if (token.level > 0 || token.nesting === 1) continue;
    const html = md.renderer.render(block, md.options, env);
    const safe = known.get(html) ?? DOMPurify.sanitize(html, PURIFY);
    blocks.push(safe);
    used.set(html, safe);
    block = [];
  }
  // A growing block leaves a trail of its earlier forms.
  known.clear();
  for (const [html, safe] of used) known.set(html, safe);
  return blocks;
}
