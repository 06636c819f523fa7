import DOMPurify from 'dompurify';
import { markdownBlocks } from './blocks.ts';
import type { LimitsEnv } from './limits.ts';
import { ADDRESS } from './links.ts';

const TAGS =
  'a blockquote br button code div em h1 h2 h3 h4 h5 h6 hr li ol p pre s section span strong sup table tbody td th thead tr ul';
const PURIFY = {
  ALLOWED_TAGS: [...TAGS.split(' '), '#text'],
  ALLOWED_ATTR: ['class', 'dir', 'href', 'rel', 'start', 'tabindex', 'target', 'title', 'type', 'value'],
  ALLOW_DATA_ATTR: false,
  ALLOWED_URI_REGEXP: ADDRESS,
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
export function renderBlocks(
  text: string,
  known: Map<string, string>,
  env: LimitsEnv = {},
): readonly string[] {
  const blocks: string[] = [];
  const used = new Map<string, string>();
  for (const block of markdownBlocks(text, { ...env })) {
    const safe = known.get(block) ?? DOMPurify.sanitize(block, PURIFY);
    blocks.push(safe);
    used.set(block, safe);
  }
  // A growing block leaves a trail of its earlier forms.
  known.clear();
  for (const [html, safe] of used) known.set(html, safe);
  return blocks;
}
