import type { ThemedToken } from 'shiki/core';

/** Longer blocks stay plain: a regular-expression grammar takes seconds for them. */
const MAX_LENGTH = 20_000;

const ALIASES: Readonly<Record<string, string>> = {
  js: 'javascript',
  mjs: 'javascript',
  jsx: 'javascript',
  ts: 'typescript',
  tsx: 'typescript',
  py: 'python',
  sh: 'shellscript',
  bash: 'shellscript',
  shell: 'shellscript',
  zsh: 'shellscript',
  jsonc: 'json',
  xml: 'html',
  svg: 'html',
  h: 'c',
  cpp: 'c',
  'c++': 'c',
  cc: 'c',
  rs: 'rust',
  golang: 'go',
  yml: 'yaml',
  patch: 'diff',
};

let loading: Promise<typeof import('./shiki.ts')> | undefined;

/** Colour the code blocks below an element. The highlighter and a language's grammar are loaded when they are needed. */
export async function highlightCode(root: Element): Promise<void> {
  const blocks = [...root.querySelectorAll('code[class^="language-"]:not(.highlighted)')];
  for (const block of blocks) {
    const named = block.className.slice('language-'.length).toLowerCase();
    const text = block.textContent ?? '';
    if (named === '' || text.length > MAX_LENGTH) continue;
    loading ??= import('./shiki.ts');
    const { tokenize } = await loading;
    const lines = await tokenize(text, ALIASES[named] ?? named);
    // The text may have grown in the meantime; then its block was replaced and comes again.
    if (!lines || !block.isConnected || block.textContent !== text) continue;
    block.replaceChildren(
      ...lines.flatMap((line, i) => (i > 0 ? ['\n', ...line.map(span)] : line.map(span))),
    );
    block.classList.add('highlighted');
  }
}

function span({ content, color }: ThemedToken): Node | string {
  const kind = /^#00000([1-9])$/.exec(color ?? '')?.[1];
  if (kind === undefined) return document.createTextNode(content);
  const element = document.createElement('span');
  element.className = `code-${kind}`;
  element.textContent = content;
  return element;
}
