import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatBytes, formatCount } from '../core/units.ts';
import { explainPage, explainText } from '../data/pipeline/explain.ts';
import { type DocumentEvent, planStatus, whyDocument } from '../data/pipeline/inspect.ts';
import { readPipelineFile } from '../data/pipeline/pipeline-file.ts';
import { pipelineReport } from '../data/pipeline/pipeline-report.ts';
import { inputOf, nodesOf } from '../data/plan/plan.ts';
import { tablesOf } from '../data/plan/query.ts';
import { openPipeline } from './data-run.ts';
import type { CommonFlags } from './options.ts';
import type { Session } from './session.ts';

export interface InspectFlags extends CommonFlags {
  readonly out?: string;
}

export interface ExplainFlags extends CommonFlags {
  readonly sql?: boolean;
  readonly html?: string;
}

/** `dots data explain`: the plan as text, and as a page with a picture. */
export async function dataExplain(session: Session, file: string, flags: ExplainFlags): Promise<void> {
  const { plan } = await readPipelineFile(file);
  if (flags.html !== undefined) {
    await mkdir(dirname(flags.html), { recursive: true });
    await writeFile(flags.html, explainPage(plan));
  }
  if (flags.json) {
    const nodes = nodesOf(plan).map((node) => {
      const query = inputOf(node);
      return { name: node.name, kind: node.kind, reads: query ? tablesOf(query) : [] };
    });
    await session.json({ plan: plan.name, nodes });
  } else await session.line(explainText(plan, flags.sql ?? false));
}

/** `dots data status`: which steps are done with this configuration. */
export async function dataStatus(
  session: Session,
  file: string,
  flags: InspectFlags & { readonly verify?: boolean },
): Promise<void> {
  const { plan, out } = await openPipeline(file, flags);
  const status = await planStatus(plan, out, flags.verify);
  if (flags.json) {
    const nodes = status.map(({ step, node, folder, hash, manifest }) => ({
      step,
      node,
      hash,
      folder,
      isDone: manifest !== undefined,
      ...(manifest && { totals: manifest.totals, rules: manifest.rules }),
    }));
    await session.json({ plan: plan.name, out, nodes });
    return;
  }
  for (const { node, hash, manifest } of status) {
    const bytes = manifest?.files.reduce((sum, one) => sum + one.bytes, 0) ?? 0;
    const state = manifest
      ? `done  ${formatCount(manifest.totals.rows)} rows, ${formatBytes(bytes)}`
      : 'open';
    await session.line(`${node.padEnd(24)} v=${hash}  ${state}`);
  }
}

/** `dots data why`: what each step did with a document. */
export async function dataWhy(
  session: Session,
  file: string,
  name: string,
  flags: InspectFlags,
): Promise<void> {
  const { plan, out } = await openPipeline(file, flags);
  const history = await whyDocument(plan, out, name);
  if (flags.json) {
    await session.json(history);
    return;
  }
  await session.line(`document ${history.doc_no}${history.url ? `, ${history.url}` : ''}`);
  for (const event of history.events) await session.line(`  ${event.step.padEnd(16)} ${describe(event)}`);
}

function describe({ outcome, rule, value, limit, detail, kept }: DocumentEvent): string {
  if (outcome === 'kept') return 'kept';
  const verbs = {
    excluded: 'removed',
    'lines-removed': 'lines removed',
    close: 'near the limit',
    error: 'error',
  };
  const parts = [
    `${verbs[outcome]}: ${rule}`,
    ...(value === undefined ? [] : [`value ${value}`]),
    ...(limit === undefined ? [] : [`limit ${limit}`]),
    ...(kept === undefined ? [] : [`document ${kept} is kept`]),
    ...(detail === undefined ? [] : [detail.replaceAll('\n', ' ⏎ ')]),
  ];
  return parts.join(', ');
}

/** `dots data report`: one page about a run. */
export async function dataReport(
  session: Session,
  file: string,
  flags: InspectFlags & { readonly html: string },
): Promise<void> {
  const { plan, out } = await openPipeline(file, flags);
  const page = await pipelineReport(plan, out);
  await mkdir(dirname(flags.html), { recursive: true });
  await writeFile(flags.html, page);
  if (flags.json) await session.json({ html: flags.html, bytes: Buffer.byteLength(page) });
  else await session.line(`wrote ${flags.html}`);
}
