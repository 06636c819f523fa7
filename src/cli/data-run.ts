import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { UsageError } from '../core/errors.ts';
import { formatBytes, formatCount, formatDuration } from '../core/units.ts';
import { checkPipelineOutputs } from '../data/pipeline/check-outputs.ts';
import { type Pipeline, readPipelineFile } from '../data/pipeline/pipeline-file.ts';
import { type PlanProgress, runPlan, type StepResult } from '../data/plan/local/executor.ts';
import { fileError } from '../format/file-source.ts';
import { lockOutput } from './lock-output.ts';
import type { CommonFlags } from './options.ts';
import type { Session } from './session.ts';

export interface DataRunFlags extends CommonFlags {
  readonly out?: string;
  readonly workers?: number;
  readonly memory?: number;
  readonly from?: string;
  readonly until?: string;
}

/** DuckDB's share of the machine; stages need memory next to it. */
const MEMORY_SHARE = 0.4;

/** `dots data run`: every step of a pipeline that is not done yet. */
export async function dataRun(session: Session, file: string, flags: DataRunFlags): Promise<void> {
  const { plan, out } = await openPipeline(file, flags);
  for (const name of [flags.from, flags.until]) {
    if (name !== undefined)
      checkStep(
        plan.steps.map((step) => step.name),
        name,
      );
  }
  const workers = flags.workers ?? availableParallelism();
  const memoryBytes = flags.memory ?? totalmem() * MEMORY_SHARE;
  await checkPipelineOutputs(plan, out);
  await makeFolder(out);
  const results = await lockOutput(out, () =>
    runPlan(plan, {
      out,
      workers,
      memoryBytes,
      signal: session.signal,
      onProgress: progressLine(session, flags),
      ...(flags.from !== undefined && { from: flags.from }),
      ...(flags.until !== undefined && { until: flags.until }),
    }),
  );
  if (flags.json) await session.json({ plan: plan.name, out, steps: results });
  else await printResults(session, results, out);
}

/** What keeps a folder from being made is said before anything runs. */
async function makeFolder(path: string): Promise<void> {
  try {
    // Of a disk that is read-only, the system says so only without `recursive`.
    await mkdir(path).catch(async (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await mkdir(path, { recursive: true });
    });
  } catch (error) {
    const isFolder = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isFolder) throw fileError(error, `Cannot write the tables in ${path}`);
    await access(path, constants.W_OK).catch((cause: unknown) => {
      throw fileError(cause, `Cannot write the tables in ${path}`);
    });
  }
}

/** The pipeline, and where its tables are. Throws `UsageError` where neither the file nor `--out` says so. */
export async function openPipeline(
  file: string,
  flags: { readonly out?: string },
): Promise<{ plan: Pipeline['plan']; out: string }> {
  const { plan, out } = await readPipelineFile(file);
  const folder = flags.out ?? out;
  if (folder !== undefined) return { plan, out: folder };
  throw new UsageError(`Cannot place the tables of ${file}: it names no folder`, {
    code: 'no-output-folder',
    hint: 'add "out" to the file, or give --out FOLDER',
  });
}

export function checkStep(steps: readonly string[], name: string): void {
  if (steps.includes(name)) return;
  throw new UsageError(`The pipeline has no step ${name}`, {
    code: 'unknown-step',
    hint: `choose one of ${steps.join(', ')}`,
  });
}

/** A bar where stderr is a terminal, else a line for each step and now and then; with `--json`, JSON lines on stderr. */
function progressLine(session: Session, flags: DataRunFlags): (progress: PlanProgress) => void {
  let current: { step: string; bar: ReturnType<Session['progress']> } | undefined;
  return (progress) => {
    if (flags.json) {
      session.note(JSON.stringify(progress));
      return;
    }
    const { step, tasks_done, tasks_total, rows, bytes, eta } = progress;
    if (current?.step !== step) {
      current?.bar.clear();
      current = { step, bar: session.progress(step, 'tasks', flags) };
    }
    const left = eta === null ? '' : `, ${formatDuration(eta * 1000)} left`;
    const detail = `${formatCount(rows)} rows, ${formatBytes(bytes)}${left}`;
    if (tasks_done === tasks_total) current.bar.clear();
    else current.bar.update(tasks_done, tasks_total, detail);
  };
}

async function printResults(session: Session, results: readonly StepResult[], out: string): Promise<void> {
  for (const { step, node, totals, wasDone } of results) {
    const parts = [
      `${formatCount(totals.rows)} ${totals.rows === 1 ? 'row' : 'rows'}`,
      ...(totals.excluded > 0 ? [`${formatCount(totals.excluded)} removed`] : []),
      ...(totals.removedLines > 0 ? [`${formatCount(totals.removedLines)} lines removed`] : []),
      ...(totals.errors > 0 ? [`${formatCount(totals.errors)} errors`] : []),
    ];
    if (node !== step) continue;
    await session.line(`${step.padEnd(16)} ${parts.join(', ')}${wasDone ? ' (was done)' : ''}`);
  }
  await session.line(`outputs and tables are in ${out}; "dots data report" shows what was removed, and why`);
}
