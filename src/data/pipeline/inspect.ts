/** Reads what a run has left: which steps are done, and where a document went. */
import { join } from 'node:path';
import { UsageError } from '../../core/errors.ts';
import { Database } from '../plan/local/database.ts';
import { type DoneNode, errorsSql, exclusionsSql, tableSql } from '../plan/local/tables.ts';
import { type Manifest, readManifest, verifyFiles } from '../plan/manifest.ts';
import { hashNodes } from '../plan/node-hash.ts';
import { ERROR, EXCLUSION, type Plan } from '../plan/plan.ts';
import { DUCKDB } from '../plan/print-sql.ts';
import type { Row } from '../plan/row.ts';

export interface NodeStatus {
  readonly step: string;
  readonly node: string;
  readonly folder: string;
  readonly hash: string;
  /** Undefined where the node is not done with this configuration. */
  readonly manifest: Manifest | undefined;
}

/** All nodes of a plan in their order. With `verify`, throws `FormatError` for files that were changed since. */
export async function planStatus(plan: Plan, out: string, verify = false): Promise<NodeStatus[]> {
  const hashes = await hashNodes(plan);
  const found: NodeStatus[] = [];
  for (const step of plan.steps) {
    for (const node of step.nodes) {
      const { hash, folder } = hashes(node.name, out);
      const manifest = await readManifest(folder);
      if (manifest && verify)
        await verifyFiles(folder, [...manifest.files, ...manifest.exclusions, ...manifest.errors]);
      found.push({ step: step.name, node: node.name, folder, hash, manifest });
    }
  }
  return found;
}

/** The nodes that are done, as tables. */
export function doneNodes(status: readonly NodeStatus[]): Map<string, DoneNode> {
  return new Map(
    status.flatMap(({ node, folder, manifest }) => (manifest ? [[node, { folder, manifest }] as const] : [])),
  );
}

/** A small database for looking at tables. */
export function inspectionDatabase(out: string): Promise<Database> {
  return Database.open({ tempFolder: join(out, `inspect.${process.pid}.tmp`), memoryBytes: 1e9, threads: 2 });
}

/** What happened to a document in one step. */
export interface DocumentEvent {
  readonly step: string;
  readonly outcome: 'kept' | 'excluded' | 'lines-removed' | 'close' | 'error';
  readonly rule?: string;
  readonly value?: number;
  readonly limit?: number;
  readonly detail?: string;
  readonly kept?: number;
}

export interface DocumentHistory {
  readonly doc_no: number;
  readonly id: string | null;
  readonly url: string | null;
  readonly events: readonly DocumentEvent[];
}

/** `name` is a number, an id or a URL. Throws `UsageError` (`no-such-document`). */
export async function whyDocument(plan: Plan, out: string, name: string): Promise<DocumentHistory> {
  const status = await planStatus(plan, out);
  const nodes = doneNodes(status);
  await using database = await inspectionDatabase(out);
  const { doc_no, id, url } = await findDocument(database, nodes, name);
  const events: DocumentEvent[] = [];
  const where = `WHERE doc_no = ${doc_no}`;
  for (const step of plan.steps) {
    for (const node of step.nodes) {
      const done = nodes.get(node.name);
      if (!done || done.manifest.files.length + done.manifest.exclusions.length === 0) continue;
      const reasons = await database.all(`SELECT * FROM ${exclusionsSql(done)} ${where}`, EXCLUSION);
      events.push(...reasons.map((row) => eventOf(step.name, row)));
      const errors = await database.all(`SELECT * FROM ${errorsSql(done)} ${where}`, ERROR);
      for (const { error, message } of errors)
        events.push({ step: step.name, outcome: 'error', rule: String(error), detail: String(message) });
      if (node.name !== step.documents) continue;
      const [found] = await database.all(`SELECT doc_no FROM ${tableSql(done)} ${where}`, { doc_no: 'int' });
      if (found) events.push({ step: step.name, outcome: 'kept' });
    }
  }
  return { doc_no, id, url, events };
}

interface Found {
  readonly doc_no: number;
  readonly id: string | null;
  readonly url: string | null;
}

async function findDocument(database: Database, nodes: Map<string, DoneNode>, name: string): Promise<Found> {
  const scan = nodes.get('scan');
  const wanted = DUCKDB.text(name);
  const isNumber = /^\d{1,16}$/.test(name);
  if (scan) {
    const columns = { doc_no: 'int', id: 'text', url: 'text' } as const;
    const where = `id = ${wanted} OR url = ${wanted}${isNumber ? ` OR doc_no = ${name}` : ''}`;
    const sql = `SELECT doc_no, id, url FROM ${tableSql(scan)} WHERE ${where} ORDER BY doc_no LIMIT 1`;
    const [found] = await database.all(sql, columns);
    if (found) return found as unknown as Found;
    // One that the scan itself has refused is in no table of documents.
    const refused = `SELECT doc_no FROM ${exclusionsSql(scan)} WHERE detail = ${wanted}${isNumber ? ` OR doc_no = ${name}` : ''}
      UNION ALL SELECT doc_no FROM ${errorsSql(scan)} WHERE ${isNumber ? `doc_no = ${name}` : 'FALSE'} LIMIT 1`;
    const [other] = await database.all(refused, { doc_no: 'int' });
    if (other) return { doc_no: Number(other.doc_no), id: null, url: null };
  }
  throw new UsageError(`There is no document ${name}`, {
    code: 'no-such-document',
    hint: scan
      ? 'give its number, its id or its URL as the input has it'
      : 'run the pipeline first: "dots data run"',
  });
}

const OUTCOMES = { excluded: 'excluded', lines: 'lines-removed', close: 'close' } as const;

function eventOf(step: string, row: Row): DocumentEvent {
  const { kind, rule, value, threshold, detail, kept } = row;
  return {
    step,
    outcome: OUTCOMES[kind as keyof typeof OUTCOMES],
    rule: String(rule),
    ...(value !== null && { value: Number(value) }),
    ...(threshold !== null && { limit: Number(threshold) }),
    ...(detail !== null && { detail: String(detail) }),
    ...(kept !== null && { kept: Number(kept) }),
  };
}
