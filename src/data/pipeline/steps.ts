/** The steps of a pipeline file: how each becomes nodes of the plan. */
import type { ObjectReader } from '../../format/object-reader.ts';
import type { PlanNode, StageNode } from '../plan/plan.ts';
import { column, compare, int, type Query, scan, schemaOf, select } from '../plan/query.ts';
import type { Schema } from '../plan/row.ts';
import type { Stage } from '../plan/stage.ts';
import { EDGE_LINE, type EdgeLineConfig } from '../stages/edge-line-rows.ts';
import { IDENTITY_KEY } from '../stages/identity-keys.ts';
import { MINHASH_BANDS } from '../stages/minhash-bands.ts';

/** The documents before a step. */
export interface Documents {
  readonly table: string;
  readonly schema: Schema;
  /** Pages have places; only `extract` gives them a text. */
  readonly arePages: boolean;
}

export interface StepContext {
  /** Name of the step in this plan: that of its kind, with a number from the second one on. */
  readonly name: string;
  readonly fields: ObjectReader;
  readonly documents: Documents;
  /** A stage that `StepKind.stages` lists. */
  readonly stage: (name: string) => Stage;
}

export interface StepKind {
  readonly description: string;
  /** Stages whose code `build` needs. */
  readonly stages: readonly string[];
  /** Whether it also works on pages, before `extract`. */
  readonly takesPages?: boolean;
  /** The last node is the table of documents after the step. */
  readonly build: (context: StepContext) => { readonly nodes: readonly PlanNode[]; readonly schema: Schema };
}

export const STEPS: Readonly<Record<string, StepKind>> = {
  'url-filter': {
    ...filterStep('url-filter', 'drop documents by their URL: blocked domains, hosts, URLs and words'),
    takesPages: true,
  },
  extract: { ...filterStep('extract', 'main text, title and type of each page'), takesPages: true },
  lid: filterStep('lid', 'drop documents whose language is uncertain, or not among those requested'),
  identity: {
    description: 'keep one document of those with the same normalised text',
    stages: ['identity-keys', 'drop'],
    build: buildIdentity,
  },
  'edge-lines': {
    description: 'delete first and last lines that documents repeat more than 200 times',
    stages: ['edge-line-rows', 'remove-edge-lines'],
    build: buildEdgeLines,
  },
  rules: filterStep(
    'rules',
    'drop documents and lines by rules of Gopher, C4, FineWeb, RefinedWeb and our own',
  ),
  safety: filterStep('safety', 'drop unsafe domains, mask or drop personal data'),
  minhash: {
    description: 'drop near-duplicates: documents that share a MinHash bucket with a smaller one',
    stages: ['minhash-bands', 'drop'],
    build: buildMinhash,
  },
};

/** A step that is one stage over the documents. */
export function filterStep(stageName: string, description: string): StepKind {
  return {
    description,
    stages: [stageName],
    build({ name, fields, documents, stage }) {
      const { configure, output } = stage(stageName);
      const config = configure(fields);
      const input = scan(documents.table, documents.schema);
      const node: StageNode = { kind: 'stage', name, stage: stageName, config, input };
      return { nodes: [node], schema: output(documents.schema, config) };
    },
  };
}

function buildIdentity({ name, fields, documents, stage }: StepContext) {
  const config = stage('identity-keys').configure(fields);
  const all = scan(documents.table, documents.schema);
  const keys = `${name}.keys`;
  const numbered: Query = {
    op: 'rowNumber',
    input: scan(keys, IDENTITY_KEY),
    partitionBy: ['key'],
    orderBy: ['draw', 'doc_no'],
    as: 'n',
  };
  const first: Query = {
    op: 'project',
    input: { op: 'filter', input: numbered, where: compare('eq', column('n'), int(1)) },
    columns: { key: column('key'), kept: column('doc_no') },
  };
  const later: Query = { op: 'filter', input: numbered, where: compare('gt', column('n'), int(1)) };
  const removed = select({ op: 'join', kind: 'inner', left: later, right: first, on: ['key'] }, [
    'doc_no',
    'kept',
  ]);
  return dropDuplicates(name, all, 'exact-duplicate', [
    { kind: 'stage', name: keys, stage: 'identity-keys', config, input: select(all, ['doc_no', 'text']) },
    { kind: 'sql', name: `${name}.removed`, query: removed, order: ['doc_no'] },
  ]);
}

/** Of a line that occurs more often than the limit, all occurrences after the first ones go, by document and position. */
function buildEdgeLines({ name, fields, documents, stage }: StepContext) {
  const config = stage('edge-line-rows').configure(fields) as EdgeLineConfig;
  const all = scan(documents.table, documents.schema);
  const lines = `${name}.lines`;
  const numbered: Query = {
    op: 'rowNumber',
    input: scan(lines, EDGE_LINE),
    partitionBy: ['line'],
    orderBy: ['doc_no', 'position'],
    as: 'n',
  };
  const removed: Query = {
    op: 'group',
    input: { op: 'filter', input: numbered, where: compare('gt', column('n'), int(config.maxOccurrences)) },
    by: ['doc_no'],
    aggregates: { positions: { fn: 'collect', column: 'position' } },
  };
  const removedTable = scan(`${name}.removed`, { doc_no: 'int', positions: 'ints' });
  const input: Query = { op: 'join', kind: 'left', left: all, right: removedTable, on: ['doc_no'] };
  const texts = select(all, ['doc_no', 'text']);
  const nodes: PlanNode[] = [
    { kind: 'stage', name: lines, stage: 'edge-line-rows', config, input: texts },
    { kind: 'sql', name: `${name}.removed`, query: removed, order: ['doc_no'] },
    { kind: 'stage', name, stage: 'remove-edge-lines', config, input },
  ];
  return { nodes, schema: documents.schema };
}

/** The report's rule as it is written: a document goes if any of its buckets holds a smaller one. */
function buildMinhash({ name, fields, documents, stage }: StepContext) {
  const config = stage('minhash-bands').configure(fields);
  const all = scan(documents.table, documents.schema);
  const bands = `${name}.bands`;
  const buckets: Query = {
    op: 'explode',
    input: scan(bands, MINHASH_BANDS),
    column: 'buckets',
    as: 'bucket',
  };
  const least: Query = {
    op: 'group',
    input: buckets,
    by: ['bucket'],
    aggregates: { kept: { fn: 'min', column: 'doc_no' } },
  };
  const pairs: Query = {
    op: 'filter',
    input: { op: 'join', kind: 'inner', left: buckets, right: least, on: ['bucket'] },
    where: compare('lt', column('kept'), column('doc_no')),
  };
  const removed: Query = {
    op: 'group',
    input: pairs,
    by: ['doc_no'],
    aggregates: { kept: { fn: 'min', column: 'kept' } },
  };
  return dropDuplicates(name, all, 'near-duplicate', [
    { kind: 'stage', name: bands, stage: 'minhash-bands', config, input: select(all, ['doc_no', 'text']) },
    { kind: 'sql', name: `${name}.removed`, query: removed, order: ['doc_no'] },
  ]);
}

/** After nodes of which the last has the columns `doc_no` and `kept`: drops what it lists. */
export function dropDuplicates(
  name: string,
  documents: Query,
  rule: string,
  nodes: readonly PlanNode[],
): { nodes: PlanNode[]; schema: Schema } {
  const removed = scan((nodes.at(-1) as PlanNode).name, { doc_no: 'int', kept: 'int' });
  const input: Query = { op: 'join', kind: 'left', left: documents, right: removed, on: ['doc_no'] };
  const node: StageNode = { kind: 'stage', name, stage: 'drop', config: { rule }, input };
  return { nodes: [...nodes, node], schema: schemaOf(documents) };
}
