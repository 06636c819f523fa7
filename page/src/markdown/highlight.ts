import { requestRuns } from './highlighter.ts';
import { soon } from './slices.ts';

/** Longer blocks stay plain: a regular-expression grammar takes seconds for them. */
const MAX_LENGTH = 20_000;

const ALIASES: ReadonlyMap<string, string> = new Map(
  Object.entries({
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
  }),
);

/** Colour the code blocks below an element. The highlighter and a language's grammar are loaded when they are needed. */
export async function highlightCode(root: Element): Promise<void> {
  const blocks = [...root.querySelectorAll('code[class^="language-"]:not(.highlighted)')];
  for (const block of blocks) {
    const named = block.className.slice('language-'.length).toLowerCase();
    const text = block.textContent ?? '';
    if (named === '' || text.length > MAX_LENGTH) continue;
    const runs = await requestRuns(text, ALIASES.get(named) ?? named);
    if (!runs) continue;
    soon(() => {
      // The text may have grown in the meantime; then its block was replaced and comes again.
      if (!block.isConnected || block.textContent !== text) return;
      block.replaceChildren(...spans(text, runs));
      block.classList.add('highlighted');
    });
  }
}

function* spans(text: string, runs: Uint32Array): Generator<Node | string> {
  let at = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const part = text.slice(at, at + runs[i]);
    at += runs[i];
    if (runs[i + 1] === 0) {
      yield part;
      continue;
    }
    const element = document.createElement('span');
    element.className = `code-${runs[i + 1]}`;
    element.textContent = part;
    yield element;
  }
  yield text.slice(at);
}
