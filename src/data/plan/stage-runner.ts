/** Runs a stage over rows: in this process, or in a supervised one (`supervisor.ts`). */
import { DotsError } from '../../core/errors.ts';
import type { Row, Schema } from './row.ts';
import type { Emission, Process, Stage } from './stage.ts';
import { loadStage } from './stage-list.ts';
import { rowsOf, type Unit, unitsOf } from './units.ts';

/** All that another process needs to run a stage. */
export interface StageJob {
  readonly stage: string;
  /** What `configure` returned. */
  readonly config: unknown;
  /** Columns of the rows that it receives. */
  readonly input: Schema;
  /** Where relative paths of the configuration start. */
  readonly baseFolder: string;
}

export interface OpenStage {
  readonly stage: Stage;
  readonly process: Process;
  readonly output: Schema;
}

export async function openStage({ stage: name, config, input, baseFolder }: StageJob): Promise<OpenStage> {
  const { resolve } = await import('node:path');
  const stage = await loadStage(name);
  const process = await stage.open(config, { resolve: (path) => resolve(baseFolder, path) });
  return { stage, process, output: stage.output(input, config) };
}

/**
 * Everything that a unit emits. A document that makes the stage throw is emitted as failed, and nothing else of it. Errors of
 * the machine, such as a full disk, are thrown.
 */
export async function runUnit(process: Process, unit: Unit): Promise<Emission[]> {
  const emissions: Emission[] = [];
  try {
    for await (const emission of process(rowsOf(unit))) emissions.push(emission);
    return emissions;
  } catch (error) {
    if (error instanceof DotsError && error.code === 'disk-full') throw error;
    const message = error instanceof Error ? error.message : String(error);
    return failedUnit(unit, error instanceof DotsError ? error.code : 'stage-error', message);
  }
}

/** A unit that was given up: one error for each of its documents. */
export function failedUnit(unit: Unit, code: string, message: string): Emission[] {
  return [...new Set(unit.map((row) => Number(row.doc_no)))].map((doc_no) => ({
    failed: { doc_no, code, message: message.slice(0, 500) },
  }));
}

/** Without another process, and so without a budget: for programs that run as TypeScript, and for tests. */
export async function* runInProcess(job: StageJob, rows: AsyncIterable<Row>): AsyncGenerator<Emission> {
  const { stage, process } = await openStage(job);
  try {
    for await (const unit of unitsOf(rows, stage.key)) {
      if (stage.isTrusted) yield* process(rowsOf(unit));
      else yield* await runUnit(process, unit);
    }
  } finally {
    await process.close?.();
  }
}
