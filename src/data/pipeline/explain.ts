/** A plan as text, and as a picture: an SVG of its nodes with what each reads. */
import { escapeHtml } from '../../core/line-chart.ts';
import { reportPage } from '../../core/report-page.ts';
import { inputOf, nodesOf, type Plan, type PlanNode } from '../plan/plan.ts';
import { DUCKDB, printQuery } from '../plan/print-sql.ts';
import { tablesOf } from '../plan/query.ts';

/** One line for each node; with `sql`, followed by its query. */
export function explainText(plan: Plan, withSql: boolean): string {
  const lines: string[] = [];
  for (const step of plan.steps) {
    lines.push(step.name);
    for (const node of step.nodes) {
      const reads = readsOf(node);
      lines.push(`  ${node.name} = ${describe(node)}${reads.length > 0 ? ` <- ${reads.join(', ')}` : ''}`);
      const query = inputOf(node);
      if (withSql && query)
        lines.push(printQuery(query, DUCKDB, (table) => table).replaceAll(/^/gm, '      '));
    }
  }
  return lines.join('\n');
}

function readsOf(node: PlanNode): string[] {
  const query = inputOf(node);
  return query ? tablesOf(query) : [];
}

function describe(node: PlanNode): string {
  switch (node.kind) {
    case 'scan':
      return `${node.rows.length} input files`;
    case 'sql':
      return 'query';
    case 'stage':
      return `stage ${node.stage} ${JSON.stringify(node.config)}`;
    case 'write':
      return `write ${node.format} to ${node.path}`;
  }
}

const WIDTH = 260;
const HEIGHT = 44;
const GAP = { x: 60, y: 26 };

/** A page without scripts or anything from outside. Steps go down, the nodes inside a step to the right. */
export function explainPage(plan: Plan): string {
  const nodes = nodesOf(plan);
  const places = new Map<string, { x: number; y: number }>();
  let row = 0;
  for (const step of plan.steps) {
    for (const [i, node] of step.nodes.entries())
      places.set(node.name, {
        x: 20 + (step.nodes.length > 1 ? i : 0) * (WIDTH + GAP.x),
        y: 20 + row * (HEIGHT + GAP.y),
      });
    row++;
  }
  const width = Math.max(...[...places.values()].map(({ x }) => x)) + WIDTH + 20;
  const height = 20 + row * (HEIGHT + GAP.y);
  const edges = nodes.flatMap((node) =>
    readsOf(node).map((table) => edge(places.get(table.split(':')[0]), places.get(node.name))),
  );
  const boxes = nodes.map((node) => box(node, places.get(node.name) as { x: number; y: number }));
  const style =
    'rect{fill:none;stroke:var(--dim)} path{fill:none;stroke:var(--dim)} .sql{stroke-dasharray:4 3}';
  return reportPage(
    `Plan of ${plan.name}`,
    `<style>${style}</style><svg viewBox="0 0 ${width} ${height}" style="max-width:${width}px" role="img" ` +
      `aria-label="Plan">${edges.join('')}${boxes.join('')}</svg>` +
      `<p>Solid boxes are stages and files, dashed ones are queries.</p><pre>${escapeHtml(explainText(plan, true))}</pre>`,
  );
}

function box(node: PlanNode, { x, y }: { x: number; y: number }): string {
  const text = (dy: number, content: string, attributes = '') =>
    `<text x="${x + 10}" y="${y + dy}" ${attributes}>${escapeHtml(content.slice(0, 44))}</text>`;
  return (
    `<g><title>${escapeHtml(describe(node))}</title>` +
    `<rect class="${node.kind}" x="${x}" y="${y}" width="${WIDTH}" height="${HEIGHT}" rx="6"/>` +
    `${text(18, node.name, 'class="name"')}${text(34, describe(node))}</g>`
  );
}

function edge(from: { x: number; y: number } | undefined, to: { x: number; y: number } | undefined): string {
  if (!from || !to) return '';
  const isSameRow = from.y === to.y;
  const [x1, y1] = isSameRow ? [from.x + WIDTH, from.y + HEIGHT / 2] : [from.x + 30, from.y + HEIGHT];
  const [x2, y2] = isSameRow ? [to.x, to.y + HEIGHT / 2] : [to.x + 30, to.y];
  return `<path d="M${x1} ${y1}C${isSameRow ? `${x1 + 30} ${y1} ${x2 - 30} ${y2}` : `${x1} ${y1 + 20} ${x2} ${y2 - 20}`} ${x2} ${y2}"/>`;
}
