import katex from 'katex';
import stylesAddress from 'katex/dist/katex.css?url';
import { lazily, loadStyles } from './lazily.ts';

/**
 * Twenty fractions in each other. The browser's layout takes time with the square of the depth (200 ms at 300), and its stack
 * overflows at about 1,000, which ends the whole tab.
 */
const MAX_DEPTH = 150;
/** A formula with more elements takes the browser longer than a reader waits for a frame. */
const MAX_ELEMENTS = 8000;

/** What KaTeX makes of TeX before it makes elements of it. */
interface FormulaNode {
  readonly children?: readonly FormulaNode[];
  readonly classes?: readonly string[];
  readonly attributes?: Record<string, string>;
  toNode(): Node;
}

type WithTree = typeof katex & {
  __renderToDomTree(tex: string, options: object): FormulaNode;
};

export const styles = lazily(() => loadStyles(stylesAddress));

/** Elements for a formula; undefined for wrong TeX and for what would be too deep or too large to show. */
export function typeset(tex: string, isDisplay: boolean): Node | undefined {
  const tree = (katex as WithTree).__renderToDomTree(tex, {
    displayMode: isDisplay,
    throwOnError: false,
    errorColor: 'var(--danger)',
    maxExpand: 200,
    maxSize: 20,
    strict: 'ignore',
  });
  if (tree.classes?.includes('katex-error')) return undefined;
  return isShowable(tree) ? tree.toNode() : undefined;
}

/** Walks without recursion, and takes away style attributes: the content security policy forbids those, but not `style` itself. */
function isShowable(root: FormulaNode): boolean {
  const open = [{ node: root, depth: 1 }];
  let numElements = 0;
  for (let next = open.pop(); next; next = open.pop()) {
    const { node, depth } = next;
    if (depth > MAX_DEPTH || ++numElements > MAX_ELEMENTS) return false;
    if (node.attributes) delete node.attributes.style;
    for (const child of node.children ?? []) open.push({ node: child, depth: depth + 1 });
  }
  return true;
}
