/** One page about a run: how many documents each step left, what each rule removed, samples at the border, languages, sites, clusters. */
import { escapeHtml } from '../../core/line-chart.ts';
import { reportPage } from '../../core/report-page.ts';
import { formatCount } from '../../core/units.ts';
import type { Database } from '../plan/local/database.ts';
import { type DoneNode, exclusionsSql, tableSql } from '../plan/local/tables.ts';
import { inputOf, nodesOf, type Plan, type PlanStep } from '../plan/plan.ts';
import { tablesOf } from '../plan/query.ts';
import type { Row, Schema } from '../plan/row.ts';
import { doneNodes, inspectionDatabase, planStatus } from './inspect.ts';

/** Removed and kept documents that are shown of each rule. */
const NUM_SAMPLES = 3;
const SAMPLE_CHARS = 400;

export async function pipelineReport(plan: Plan, out: string): Promise<string> {
  const nodes = doneNodes(await planStatus(plan, out));
  const steps = plan.steps.filter((step) => step.documents !== undefined && nodes.has(step.documents));
  await using database = await inspectionDatabase(out);
  const parts = [
    '<h2>Documents after each step</h2>',
    await funnel(database, steps, nodes),
    await sharesOf(database, steps, nodes, 'lang', 'Languages after the last step', 'lang'),
    await sharesOf(database, steps, nodes, 'page_type', 'Page types after the last step', 'page_type'),
    await sharesOf(database, steps, nodes, 'url', 'Largest sites after the last step', SITE),
  ];
  for (const step of steps) parts.push(await removals(database, plan, step, nodes));
  return reportPage(`Pipeline ${plan.name}`, parts.join('\n'));
}

/** Host of a URL, for reports only: it is never a key. */
const SITE = `regexp_extract(url, '^https?://(?:www\\.)?([^/:?#]+)', 1)`;

type Done = ReadonlyMap<string, DoneNode>;

async function funnel(database: Database, steps: readonly PlanStep[], nodes: Done): Promise<string> {
  const rows: string[][] = [];
  let first = 0;
  for (const step of steps) {
    const done = nodes.get(step.documents as string) as DoneNode;
    const { totals, schema } = done.manifest;
    const chars = Object.hasOwn(schema, 'text')
      ? ((
          await database.all(`SELECT CAST(sum(length(text)) AS DOUBLE) AS n FROM ${tableSql(done)}`, {
            n: 'float',
          })
        )[0].n as number | null)
      : null;
    if (first === 0) first = totals.rows;
    const share = first > 0 ? totals.rows / first : 0;
    rows.push([
      step.name,
      bar(share),
      formatCount(totals.rows),
      `${(100 * share).toFixed(1)} %`,
      formatCount(totals.excluded),
      formatCount(totals.removedLines),
      formatCount(totals.errors),
      chars === null ? '' : formatCount(chars),
    ]);
  }
  return table(['step', '', 'documents', 'of all', 'removed', 'lines removed', 'errors', 'characters'], rows);
}

async function sharesOf(
  database: Database,
  steps: readonly PlanStep[],
  nodes: Done,
  column: string,
  title: string,
  expression: string,
): Promise<string> {
  const done = nodes.get(steps.at(-1)?.documents ?? '');
  if (!done || !Object.hasOwn(done.manifest.schema, column) || !Object.hasOwn(done.manifest.schema, 'text'))
    return '';
  const sql = `SELECT ${expression} AS name, count(*) AS n, CAST(sum(length(text)) AS DOUBLE) AS chars FROM ${tableSql(done)}
    WHERE ${column} IS NOT NULL GROUP BY 1 ORDER BY chars DESC, name LIMIT 20`;
  const rows = await database.all(sql, { name: 'text', n: 'int', chars: 'float' });
  if (rows.length === 0) return '';
  const total = rows.reduce((sum, row) => sum + Number(row.chars), 0);
  const cells = rows.map(({ name, n, chars }) => {
    const share = total > 0 ? Number(chars) / total : 0;
    return [
      String(name),
      bar(share),
      formatCount(Number(n)),
      formatCount(Number(chars)),
      `${(100 * share).toFixed(1)} %`,
    ];
  });
  return `<h2>${title}</h2>${table(['', '', 'documents', 'characters', 'of these'], cells)}`;
}

/** What a step removed: counts by rule, then documents next to the limit on both sides. */
async function removals(database: Database, plan: Plan, step: PlanStep, nodes: Done): Promise<string> {
  const done = nodes.get(step.documents as string) as DoneNode;
  const { rules } = done.manifest;
  if (Object.keys(rules).length === 0 && done.manifest.totals.removedLines === 0) return '';
  const counts = Object.entries(rules)
    .sort(([, a], [, b]) => b - a)
    .map(([rule, n]) => [rule, formatCount(n)]);
  const before = inputTable(plan, step, nodes);
  const samples = before ? await sampleRows(database, done, before) : [];
  return (
    `<h2>Step ${escapeHtml(step.name)}</h2>${table(['rule', 'documents removed'], counts)}` +
    (await clusters(database, done)) +
    table(['rule', '', 'value', 'limit', 'document', 'found', 'text'], samples, 'fields')
  );
}

/** The table of documents that a step started from: that is where the text of removed ones is. */
function inputTable(plan: Plan, step: PlanStep, nodes: Done): DoneNode | undefined {
  const node = nodesOf(plan).find(({ name }) => name === step.documents);
  const query = node && inputOf(node);
  return query && nodes.get(tablesOf(query)[0]);
}

async function sampleRows(database: Database, done: DoneNode, before: DoneNode): Promise<string[][]> {
  const hasText = Object.hasOwn(before.manifest.schema, 'text');
  const hasUrl = Object.hasOwn(before.manifest.schema, 'url');
  const schema: Schema = {
    rule: 'text',
    kind: 'text',
    value: 'float',
    threshold: 'float',
    doc_no: 'int',
    detail: 'text',
    url: 'text',
    text: 'text',
  };
  // Those nearest to the limit: where a rule is wrong, it is wrong here.
  const sql = `SELECT x.rule, x.kind, x.value, x.threshold, x.doc_no, x.detail, ${hasUrl ? 'd.url' : 'NULL'} AS url,
      ${hasText ? `left(d.text, ${SAMPLE_CHARS})` : 'NULL'} AS text
    FROM (SELECT *, row_number() OVER (PARTITION BY rule, kind ORDER BY abs(value - threshold) NULLS LAST, doc_no) AS n
      FROM ${exclusionsSql(done)}) AS x LEFT JOIN ${tableSql(before)} AS d ON d.doc_no = x.doc_no
    WHERE x.n <= ${NUM_SAMPLES} ORDER BY x.rule, x.kind DESC, x.n`;
  const rows = await database.all(sql, schema);
  return rows.map((row: Row) => [
    String(row.rule),
    row.kind === 'excluded' ? 'removed' : row.kind === 'close' ? 'kept' : 'lines removed',
    row.value === null ? '' : String(row.value),
    row.threshold === null ? '' : String(row.threshold),
    `${row.doc_no} ${row.url ?? ''}`,
    String(row.detail ?? ''),
    String(row.text ?? ''),
  ]);
}

/** How many documents each kept one stands for. */
async function clusters(database: Database, done: DoneNode): Promise<string> {
  const sql = `SELECT size, count(*) AS n FROM (SELECT kept, count(*) + 1 AS size FROM ${exclusionsSql(done)}
    WHERE kept IS NOT NULL AND kind = 'excluded' GROUP BY kept) GROUP BY size ORDER BY size LIMIT 30`;
  const rows = await database.all(sql, { size: 'int', n: 'int' });
  if (rows.length === 0) return '';
  const cells = rows.map(({ size, n }) => [formatCount(Number(size)), formatCount(Number(n))]);
  return `<h3>Clusters of duplicates</h3>${table(['documents in it', 'clusters'], cells)}`;
}

function bar(share: number): string {
  const width = Math.round(120 * Math.min(1, share));
  return `<svg width="120" height="10" style="width:120px"><rect width="${width}" height="10" fill="#2563eb"/></svg>`;
}

/** Cells are escaped, but for the bars that we draw. */
function table(head: readonly string[], rows: readonly (readonly string[])[], className = ''): string {
  if (rows.length === 0) return '';
  const cell = (text: string): string =>
    text.startsWith('<svg ') &&
    !text.includes('<svg', 1) &&
    /^<svg width="120" height="10" style="width:120px"><rect width="\d+" height="10" fill="#2563eb"\/><\/svg>$/.test(
      text,
    )
      ? text
      : escapeHtml(text);
  const lines = rows.map((row) => `<tr>${row.map((text) => `<td>${cell(text)}</td>`).join('')}</tr>`);
  return (
    `<table class="${className}"><thead><tr>${head.map((text) => `<th>${escapeHtml(text)}</th>`).join('')}</tr></thead>` +
    `<tbody>${lines.join('')}</tbody></table>`
  );
}
