import DOMPurify from 'dompurify';
import { GrowingMarkdown } from './growing.ts';
import { ADDRESS } from './links.ts';

const TAGS =
  'a blockquote br button code div em h1 h2 h3 h4 h5 h6 hr li ol p pre s section span strong sup table tbody td th thead tr ul';
const PURIFY = {
  ALLOWED_TAGS: [...TAGS.split(' '), '#text'],
  ALLOWED_ATTR: ['class', 'dir', 'href', 'rel', 'start', 'tabindex', 'target', 'title', 'type', 'value'],
  ALLOW_DATA_ATTR: false,
  ALLOWED_URI_REGEXP: ADDRESS,
  // It would look for an address in these too, and drop them.
  ADD_URI_SAFE_ATTR: ['dir', 'start', 'tabindex', 'type'],
};

/** markdown-it's own check of addresses comes first; this one sees what the browser would see. */
DOMPurify.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName !== 'A') return;
  node.setAttribute('target', '_blank');
  node.setAttribute('rel', 'noopener noreferrer nofollow');
});

/** Markdown as safe HTML, for one answer that may grow: what did not change is not rendered again. */
export class AnswerRenderer {
  private readonly markdown = new GrowingMarkdown();
  private sanitised = new Map<string, string>();
  private last: { text: string; hasAllRows: boolean; blocks: readonly string[] } | undefined;

  /** Whether `render` has the result already. */
  isRendered(text: string, hasAllRows: boolean): boolean {
    return this.last?.text === text && this.last.hasAllRows === hasAllRows;
  }

  /** One string for each block on the top level. While an answer grows, only its last blocks change. */
  render(text: string, hasAllRows: boolean): readonly string[] {
    if (this.last && this.isRendered(text, hasAllRows)) return this.last.blocks;
    const html = this.markdown.blocks(text, hasAllRows);
    const fresh = sanitise(html.filter((block) => !this.sanitised.has(block)));
    const blocks = html.map((block) => this.sanitised.get(block) ?? (fresh.get(block) as string));
    // A growing block leaves a trail of its earlier forms, which are forgotten.
    this.sanitised = new Map(html.map((block, i) => [block, blocks[i]]));
    this.last = { text, hasAllRows, blocks };
    return blocks;
  }
}

/** All at once, because every call takes a document of its own, which takes longer than a short block. */
function sanitise(blocks: readonly string[]): ReadonlyMap<string, string> {
  const joined = blocks.map((block) => `<div>${block}</div>`).join('');
  const { children } = DOMPurify.sanitize(joined, { ...PURIFY, RETURN_DOM_FRAGMENT: true });
  // Blocks are whole elements; should one not be, it must not become part of another.
  const isSplit = children.length === blocks.length;
  return new Map(
    blocks.map((block, i) => [block, isSplit ? children[i].innerHTML : DOMPurify.sanitize(block, PURIFY)]),
  );
}
