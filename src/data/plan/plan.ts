/** A plan: nodes in an order in which each reads only tables of earlier ones. The same plan runs on every executor. */
import type { Order, Query } from './query.ts';
import type { Row, Schema } from './row.ts';

/** The files that a pipeline reads, as a table with one row for each. */
export interface ScanNode {
  readonly kind: 'scan';
  readonly name: string;
  readonly rows: readonly Row[];
  readonly schema: Schema;
}

/** A query. */
export interface SqlNode {
  readonly kind: 'sql';
  readonly name: string;
  readonly query: Query;
  /** Its first column may be cut into ranges by those that read the table. Rows are unique in these columns. */
  readonly order: Order;
  /** The query may be computed for ranges of `doc_no` one after another: it joins and groups by nothing else. */
  readonly isByDocument?: boolean;
}

/** A stage over a query. Its table has the order of its input: by `doc_no`, or by the key of the stage. */
export interface StageNode {
  readonly kind: 'stage';
  readonly name: string;
  readonly stage: string;
  /** What the stage's `configure` returned. */
  readonly config: unknown;
  /** Joins and groups by nothing but `doc_no`, or the key. */
  readonly input: Query;
}

/** Documents into files for other programs. */
export interface WriteNode {
  readonly kind: 'write';
  readonly name: string;
  readonly input: Query;
  readonly format: 'jsonl' | 'parquet' | 'shards';
  /** File, or folder of the shards. Relative to the output folder. */
  readonly path: string;
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

export type PlanNode = ScanNode | SqlNode | StageNode | WriteNode;

/** A step of the pipeline file: some nodes, of which the last with a table of documents is its result. */
export interface PlanStep {
  readonly name: string;
  readonly nodes: readonly PlanNode[];
  /** The node whose table holds the documents after the step. Absent for steps that only write. */
  readonly documents?: string;
}

export interface Plan {
  readonly name: string;
  readonly steps: readonly PlanStep[];
  /** Where relative paths of configurations start: the folder of the pipeline file. */
  readonly baseFolder: string;
}

export function nodesOf(plan: Plan): PlanNode[] {
  return plan.steps.flatMap((step) => step.nodes);
}

export function inputOf(node: PlanNode): Query | undefined {
  if (node.kind === 'scan') return undefined;
  return node.kind === 'sql' ? node.query : node.input;
}

/** The table of what the stages of a node have removed is read as `NODE:exclusions`. */
export const EXCLUSIONS_SUFFIX = ':exclusions';

/** Removed documents (`excluded`), removed lines (`lines`) and documents close to a limit (`close`), with the reason. */
export const EXCLUSION = {
  doc_no: 'int',
  kind: 'text',
  rule: 'text',
  value: 'float',
  threshold: 'float',
  detail: 'text',
  kept: 'int',
} as const satisfies Schema;

/** Documents that could not be processed; `error` is the code. */
export const ERROR = { doc_no: 'int', error: 'text', message: 'text' } as const satisfies Schema;
