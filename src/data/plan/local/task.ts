/** One task: the rows of a query, through a stage if there is one, into the files of one part of a table. */
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describeFile, type TableFile, type Totals, writeDurably } from '../manifest.ts';
import { ERROR, EXCLUSION } from '../plan.ts';
import type { Row, Schema } from '../row.ts';
import type { DocumentReason, Emission } from '../stage.ts';
import { runInProcess } from '../stage-runner.ts';
import { STAGE_PROCESS, type SupervisedJob, superviseStage } from '../supervisor.ts';
import type { Database, TableWriter } from './database.ts';

/** Plain data: it is sent to worker processes. */
export interface Task {
  readonly index: number;
  /** Gives rows of `input`. */
  readonly sql: string;
  readonly input: Schema;
  readonly output: Schema;
  /** Absent: the rows are the table. */
  readonly stage?: SupervisedJob;
  readonly folder: string;
}

export interface TaskResult {
  readonly index: number;
  readonly files: readonly TableFile[];
  readonly exclusions: readonly TableFile[];
  readonly errors: readonly TableFile[];
  readonly totals: Totals;
  readonly rules: Readonly<Record<string, number>>;
}

/** The result of a task that was finished before, perhaps by a process that was ended since. */
export async function finishedTask(folder: string, index: number): Promise<TaskResult | undefined> {
  const text = await readFile(resultFile(folder, index), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as TaskResult;
  } catch {
    return undefined;
  }
}

export function resultFile(folder: string, index: number): string {
  return join(folder, `task-${padded(index)}.json`);
}

/** Files appear under their names when they are complete, and the result of the task after them. */
export async function runTask(database: Database, task: Task): Promise<TaskResult> {
  await mkdir(task.folder, { recursive: true });
  const parts = new PartWriter(database, task);
  try {
    const rows = database.rows(task.sql, task.input);
    const emissions = task.stage ? runStage(task.stage, rows) : asEmissions(rows);
    for await (const emission of emissions) await parts.add(emission);
    const result = await parts.finish();
    const file = resultFile(task.folder, task.index);
    const temporary = `${file}.${process.pid}.tmp`;
    await writeDurably(temporary, JSON.stringify(result));
    await rename(temporary, file);
    return result;
  } catch (error) {
    await parts.discard();
    throw error;
  }
}

function runStage(job: SupervisedJob, rows: AsyncIterable<Row>): AsyncIterable<Emission> {
  return STAGE_PROCESS && !job.isTrusted ? superviseStage(job, rows) : runInProcess(job, rows);
}

async function* asEmissions(rows: AsyncIterable<Row>): AsyncGenerator<Emission> {
  for await (const row of rows) yield { row };
}

type Part = 'rows' | 'exclusions' | 'errors';

/** Text of one file of a table, about: it is in memory until the file is written. Larger tasks write several. */
const MAX_FILE_CHARS = 48 << 20;

class PartWriter {
  private readonly database: Database;
  private readonly task: Task;
  private readonly writers = new Map<Part, TableWriter>();
  private readonly rules: Record<string, number> = {};
  private excluded = 0;
  private removedLines = 0;
  private readonly fullFiles: TableFile[] = [];
  private numChars = 0;

  constructor(database: Database, task: Task) {
    this.database = database;
    this.task = task;
  }

  async add(emission: Emission): Promise<void> {
    if ('row' in emission) await this.addRow(emission.row);
    else if ('failed' in emission) {
      const { doc_no, code, message } = emission.failed;
      (await this.writer('errors', ERROR)).append({ doc_no, error: code, message });
    } else if ('excluded' in emission) {
      const { rule } = emission.excluded;
      this.excluded++;
      this.rules[rule] = (this.rules[rule] ?? 0) + 1;
      await this.addReason('excluded', emission.excluded);
    } else if ('removedLines' in emission) {
      this.removedLines += emission.removedLines.value ?? 1;
      await this.addReason('lines', emission.removedLines);
    } else await this.addReason('close', emission.close);
  }

  private async addRow(row: Row): Promise<void> {
    (await this.writer('rows', this.task.output)).append(row);
    for (const name in row) {
      const value = row[name];
      if (typeof value === 'string') this.numChars += value.length;
      else if (Array.isArray(value)) this.numChars += 16 * value.length;
    }
    if (this.numChars < MAX_FILE_CHARS) return;
    this.fullFiles.push(...(await this.save('rows')));
    this.numChars = 0;
  }

  private async addReason(kind: string, { limit, ...reason }: DocumentReason): Promise<void> {
    const writer = await this.writer('exclusions', EXCLUSION);
    writer.append({ ...reason, kind, ...(limit !== undefined && { threshold: limit }) });
  }

  private async writer(part: Part, schema: Schema): Promise<TableWriter> {
    const found = this.writers.get(part) ?? (await this.database.newTable(schema));
    this.writers.set(part, found);
    return found;
  }

  async finish(): Promise<TaskResult> {
    const numErrors = this.writers.get('errors')?.numRows ?? 0;
    const [files, exclusions, errors] = [
      [...this.fullFiles, ...(await this.save('rows'))],
      await this.save('exclusions'),
      await this.save('errors'),
    ];
    const totals = {
      rows: files.reduce((sum, { rows }) => sum + rows, 0),
      excluded: this.excluded,
      removedLines: this.removedLines,
      errors: numErrors,
    };
    return { index: this.task.index, files, exclusions, errors, totals, rules: this.rules };
  }

  private async save(part: Part): Promise<TableFile[]> {
    const writer = this.writers.get(part);
    if (!writer) return [];
    this.writers.delete(part);
    const { folder, index } = this.task;
    const number = part === 'rows' && this.fullFiles.length > 0 ? `-${padded(this.fullFiles.length)}` : '';
    const name = `${part}-${padded(index)}${number}.parquet`;
    const temporary = join(folder, `${name}.${process.pid}.tmp`);
    try {
      await writer.save(temporary);
      await rename(temporary, join(folder, name));
    } finally {
      await rm(temporary, { force: true });
    }
    return [await describeFile(folder, name, writer.numRows)];
  }

  async discard(): Promise<void> {
    // The database may be the reason why the task has failed.
    for (const writer of this.writers.values()) await writer.discard().catch(() => {});
  }
}

function padded(index: number): string {
  return String(index).padStart(5, '0');
}
