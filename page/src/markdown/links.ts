import type { MarkdownIt, StateCore, Token } from 'markdown-it';

/** Where a link of an answer may lead. Places in the page and files next to it are not among them: there are none. */
export const ADDRESS = /^(?:https?|mailto):/i;

/** A link that leads nowhere is its text. Images would be fetched from elsewhere, which the page's policy forbids: they become links. */
export function linkRules(md: MarkdownIt): void {
  md.core.ruler.push('dead-links', dropDeadLinks);
  md.renderer.rules.image = (tokens, index) => {
    const token = tokens[index];
    const address = String(token.attrGet('src') ?? '');
    const text = md.utils.escapeHtml(token.content || address);
    return ADDRESS.test(address) ? `<a href="${md.utils.escapeHtml(address)}">${text}</a>` : text;
  };
}

function dropDeadLinks(state: StateCore): void {
  for (const { children } of state.tokens) {
    let open: Token | undefined;
    for (const token of children ?? []) {
      // Links do not nest.
      if (token.type === 'link_open') open = token;
      if (token.type === 'link_close' && open && !ADDRESS.test(String(open.attrGet('href') ?? '')))
        open.hidden = token.hidden = true;
    }
  }
}
