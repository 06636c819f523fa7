import type { ParsedPage } from './parse-page.ts';
import { tagId } from './tags.ts';

const CELLS: ReadonlySet<number> = new Set([tagId('td'), tagId('th')]);

/** The kept lines, one below the other; cells of one row of a table side by side. */
export function renderLines({ nodes, lines }: ParsedPage, isKept: Uint8Array): string {
  const rowOf = (node: number): number => (CELLS.has(nodes.tag[node]) ? nodes.parent[node] : -1);
  let text = '';
  let row = -1;
  for (let i = 0; i < lines.length; i++) {
    if (isKept[i] === 0) continue;
    const ownRow = rowOf(lines[i].node);
    if (text !== '') text += ownRow >= 0 && ownRow === row ? ' | ' : '\n';
    text += lines[i].text;
    row = ownRow;
  }
  return text;
}
