/** Runs a plan on this machine: DuckDB for its queries, worker processes for its stages. */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InternalError, UsageError } from '../../../core/errors.ts';
import { describeFile, type Manifest, publishManifest, readManifest, type Totals } from '../manifest.ts';
import { hashNodes } from '../node-hash.ts';
import { inputOf, type Plan, type PlanNode, type SqlNode, type StageNode } from '../plan.ts';
import { DUCKDB } from '../print-sql.ts';
import { type Order, schemaOf, tablesOf } from '../query.ts';
import type { Schema } from '../row.ts';
import { loadStage } from '../stage-list.ts';
import type { SupervisedJob } from '../supervisor.ts';
import { runWriteNode } from '../write-files.ts';
import { Database, PARQUET } from './database.ts';
import { WorkerPool } from './pool.ts';
import { type DoneNode, querySql, rangesOf } from './tables.ts';
import { finishedTask, type Task, type TaskResult } from './task.ts';

/** The same for the command line, for files of events, and for other executors. */
export interface PlanProgress {
  readonly plan: string;
  readonly step: string;
  readonly tasks_done: number;
  readonly tasks_total: number;
  /** Written by the step so far. */
  readonly rows: number;
  readonly bytes: number;
  /** Seconds until the step is done, as far as known. */
  readonly eta: number | null;
}

export interface LocalOptions {
  /** Folder for all tables. */
  readonly out: string;
  readonly workers: number;
  /** For DuckDB, half of it in this process and half in the workers. */
  readonly memoryBytes: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PlanProgress) => void;
  /** First step that may be computed: earlier ones have to be done. */
  readonly from?: string;
  /** Last step that is computed. */
  readonly until?: string;
}

export interface StepResult {
  readonly step: string;
  readonly node: string;
  readonly hash: string;
  readonly folder: string;
  /** It was done before. */
  readonly wasDone: boolean;
  readonly totals: Totals;
  readonly rules: Readonly<Record<string, number>>;
}

/** Tables appear in `out` as their steps finish; what is there already is kept. */
export async function runPlan(plan: Plan, options: LocalOptions): Promise<StepResult[]> {
  const run = await LocalRun.open(plan, options);
  try {
    return await run.all();
  } finally {
    await run.close();
  }
}

class LocalRun {
  private readonly plan: Plan;
  private readonly options: LocalOptions;
  private readonly database: Database;
  private readonly pool: WorkerPool;
  private readonly tempFolder: string;
  private readonly done = new Map<string, DoneNode>();

  private constructor(plan: Plan, options: LocalOptions, database: Database, tempFolder: string) {
    this.plan = plan;
    this.options = options;
    this.database = database;
    this.tempFolder = tempFolder;
    this.pool = new WorkerPool({
      workers: options.workers,
      memoryBytes: options.memoryBytes / 2,
      tempFolder,
      signal: options.signal,
    });
  }

  static async open(plan: Plan, options: LocalOptions): Promise<LocalRun> {
    const tempFolder = join(options.out, 'temp');
    // Only one run writes to a folder: what is here was left by one that was killed.
    await rm(tempFolder, { recursive: true, force: true });
    await mkdir(tempFolder, { recursive: true });
    const database = await Database.open({
      tempFolder: join(tempFolder, 'driver'),
      memoryBytes: options.memoryBytes / 2,
      threads: options.workers,
    });
    return new LocalRun(plan, options, database, tempFolder);
  }

  async close(): Promise<void> {
    await this.pool.close();
    await this.database.close();
    await rm(this.tempFolder, { recursive: true, force: true });
  }

  async all(): Promise<StepResult[]> {
    const hashes = await hashNodes(this.plan);
    const results: StepResult[] = [];
    let mayCompute = this.options.from === undefined;
    for (const step of this.plan.steps) {
      mayCompute ||= step.name === this.options.from;
      for (const node of step.nodes) {
        const { hash, folder } = hashes(node.name, this.options.out);
        const before = await readManifest(folder);
        if (!before && !mayCompute) throw notDone(step.name, this.options.from as string);
        const manifest = before ?? (await this.compute(node, hash, folder));
        this.done.set(node.name, { folder, manifest });
        const { totals, rules } = manifest;
        const wasDone = before !== undefined;
        results.push({ step: step.name, node: node.name, hash, folder, wasDone, totals, rules });
      }
      if (step.name === this.options.until) break;
    }
    return results;
  }

  private async compute(node: PlanNode, hash: string, folder: string): Promise<Manifest> {
    this.options.signal?.throwIfAborted();
    await mkdir(folder, { recursive: true });
    const parts = await this.computeParts(node, folder);
    const inputs = inputOf(node);
    const manifest: Manifest = {
      version: 1,
      node: node.name,
      hash,
      ...parts,
      inputs: Object.fromEntries(
        (inputs ? tablesOf(inputs) : []).map((table) => {
          const [name] = table.split(':');
          return [name, this.done.get(name)?.manifest.hash ?? ''];
        }),
      ),
    };
    await publishManifest(folder, manifest);
    await removeLeftovers(folder, manifest);
    return manifest;
  }

  private async computeParts(
    node: PlanNode,
    folder: string,
  ): Promise<Omit<Manifest, 'version' | 'node' | 'hash' | 'inputs'>> {
    switch (node.kind) {
      case 'scan': {
        const writer = await this.database.newTable(node.schema);
        for (const row of node.rows) writer.append(row);
        await this.saveAs(folder, (file) => writer.save(file));
        return this.wholeTable(folder, node.schema, Object.keys(node.schema).slice(0, 1), writer.numRows);
      }
      case 'sql': {
        const schema = schemaOf(node.query);
        if (node.isByDocument) return await this.byTasks(node, schema, node.order, folder);
        const sql = querySql(node.query, this.done, node.order);
        this.report(node.name, 0, 1, [], performance.now());
        await this.saveAs(folder, (file) =>
          this.database.run(`COPY (${sql}) TO ${DUCKDB.text(file)} ${PARQUET}`, this.options.signal),
        );
        const file = DUCKDB.text(join(folder, WHOLE));
        const [{ n }] = await this.database.all(`SELECT count(*) AS n FROM read_parquet(${file})`, {
          n: 'int',
        });
        return this.wholeTable(folder, schema, node.order, n as number);
      }
      case 'stage': {
        const stage = await loadStage(node.stage);
        const input = schemaOf(node.input);
        for (const [name, type] of Object.entries(stage.input)) {
          if (input[name] !== type)
            throw new InternalError(`stage ${stage.name} needs a column ${name} of type ${type}`);
        }
        const output = stage.output(input, node.config);
        return await this.byTasks(node, output, [stage.key ?? 'doc_no'], folder);
      }
      case 'write': {
        const sql = querySql(node.input, this.done, ['doc_no']);
        const numRows = await runWriteNode(node, this.plan, this.options, sql, this.database, (rows) =>
          this.report(node.name, 0, 1, [{ rows, bytes: 0 }], performance.now()),
        );
        const totals = { rows: numRows, excluded: 0, removedLines: 0, errors: 0 };
        return { schema: {}, order: [], files: [], exclusions: [], errors: [], totals, rules: {} };
      }
    }
  }

  private async saveAs(folder: string, write: (file: string) => Promise<void>): Promise<void> {
    const temporary = join(folder, `${WHOLE}.${process.pid}.tmp`);
    try {
      await write(temporary);
      await rename(temporary, join(folder, WHOLE));
    } finally {
      await rm(temporary, { force: true });
    }
  }

  private async wholeTable(folder: string, schema: Schema, order: Order, rows: number) {
    const files = [await describeFile(folder, WHOLE, rows)];
    const totals = { rows, excluded: 0, removedLines: 0, errors: 0 };
    return { schema, order, files, exclusions: [], errors: [], totals, rules: {} };
  }

  /** Cut the first table of the input into ranges; a task for each. */
  private async byTasks(node: StageNode | SqlNode, schema: Schema, order: Order, folder: string) {
    const query = inputOf(node);
    if (!query) throw new InternalError(`${node.name} reads nothing`);
    const [first] = tablesOf(query);
    const driving = this.done.get(first);
    if (driving?.manifest.order[0] !== order[0])
      throw new InternalError(`${node.name} needs ${first} in the order of ${order[0]}`);
    const job = node.kind === 'stage' ? await this.jobOf(node, schema) : undefined;
    const rowsPerTask = node.kind === 'stage' ? (await loadStage(node.stage)).rowsPerTask : undefined;
    const ranges = await rangesOf(this.database, driving, rowsPerTask ?? ROWS_PER_TASK);
    const rowOrder = order[0] === 'doc_no' ? ['doc_no'] : [order[0], 'doc_no'];
    const tasks = ranges.map(
      (range, index): Task => ({
        index,
        sql: querySql(query, this.done, node.kind === 'sql' ? node.order : rowOrder, range),
        input: schemaOf(query),
        output: schema,
        folder,
        ...(job && { stage: job }),
      }),
    );
    const results = await this.runTasks(node.name, tasks, folder);
    return { schema, order, ...merged(results) };
  }

  private async jobOf(node: StageNode, output: Schema): Promise<SupervisedJob> {
    const stage = await loadStage(node.stage);
    return {
      stage: node.stage,
      config: node.config,
      input: schemaOf(node.input),
      baseFolder: this.plan.baseFolder,
      output,
      key: stage.key,
      budget: stage.budget,
      isTrusted: stage.isTrusted ?? false,
      label: `${node.stage}@${stage.version}`,
    };
  }

  private async runTasks(step: string, tasks: readonly Task[], folder: string): Promise<TaskResult[]> {
    const results: TaskResult[] = [];
    const open: Task[] = [];
    for (const task of tasks) {
      const finished = await finishedTask(folder, task.index);
      if (finished) results.push(finished);
      else open.push(task);
    }
    const startMs = performance.now();
    const numBefore = results.length;
    const report = () =>
      this.report(
        step,
        results.length,
        tasks.length,
        results.flatMap(({ files }) => files),
        startMs,
        numBefore,
      );
    report();
    await this.pool.run(open, (result) => {
      results.push(result);
      report();
    });
    return results.sort((a, b) => a.index - b.index);
  }

  private report(
    step: string,
    done: number,
    total: number,
    files: readonly { readonly rows: number; readonly bytes: number }[],
    startMs: number,
    numBefore = 0,
  ): void {
    const elapsed = (performance.now() - startMs) / 1000;
    const isKnown = done > numBefore && done < total;
    this.options.onProgress?.({
      plan: this.plan.name,
      step,
      tasks_done: done,
      tasks_total: total,
      rows: files.reduce((sum, { rows }) => sum + rows, 0),
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      eta: isKnown ? Math.round((elapsed / (done - numBefore)) * (total - done)) : null,
    });
  }
}

const WHOLE = 'rows.parquet';
const ROWS_PER_TASK = 2048;

function merged(results: readonly TaskResult[]) {
  const rules: Record<string, number> = {};
  for (const result of results)
    for (const [rule, count] of Object.entries(result.rules)) rules[rule] = (rules[rule] ?? 0) + count;
  const sum = (of: (totals: Totals) => number): number =>
    results.reduce((total, { totals }) => total + of(totals), 0);
  return {
    files: results.flatMap(({ files }) => files),
    exclusions: results.flatMap(({ exclusions }) => exclusions),
    errors: results.flatMap(({ errors }) => errors),
    totals: {
      rows: sum(({ rows }) => rows),
      excluded: sum(({ excluded }) => excluded),
      removedLines: sum(({ removedLines }) => removedLines),
      errors: sum(({ errors }) => errors),
    },
    rules: Object.fromEntries(Object.entries(rules).sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function notDone(step: string, from: string): UsageError {
  return new UsageError(`Cannot start at step ${from}: step ${step} is not done with this configuration`, {
    code: 'step-not-done',
    hint: `run it without --from, or up to there first: --until ${step}`,
  });
}

/** What tasks and killed processes leave next to a finished table. */
async function removeLeftovers(folder: string, manifest: Manifest): Promise<void> {
  const kept = new Set(
    [...manifest.files, ...manifest.exclusions, ...manifest.errors].map(({ name }) => name),
  );
  for (const name of await readdir(folder)) {
    if (kept.has(name) || name === 'manifest.json') continue;
    await rm(join(folder, name), { recursive: true, force: true });
  }
}
