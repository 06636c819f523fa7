/**
 * Runs a stage in a process of its own and outlives what documents do to it: one that takes too long, too much memory, or brings the
 * process down becomes a failed document, and the process is started again with the next one.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import {
  FormatError,
  InternalError,
  ResourceError,
  UnsupportedError,
  UsageError,
} from '../../core/errors.ts';
import { answerFromLine, checkTrailer, corrupt, LineTotals, rowToJson } from './protocol.ts';
import type { Row, Schema } from './row.ts';
import type { Budget, Emission } from './stage.ts';
import type { StageProcessJob } from './stage-process.ts';
import { failedUnit, type StageJob } from './stage-runner.ts';
import { type Unit, unitsOf } from './units.ts';

/** Undefined where TypeScript runs as it is, as in tests: processes of Node 20 do not. */
export const STAGE_PROCESS = import.meta.url.endsWith('.js')
  ? new URL('./stage-process-main.js', import.meta.url)
  : undefined;

/** Rows sent ahead of the answers. */
const MAX_AHEAD = 64;
const MAX_AHEAD_CHARS = 1 << 20;
const DEFAULT_TIME_MS = 1000;
const DEFAULT_GROUP_TIME_MS = 60_000;
const DEFAULT_MEMORY_MB = 1024;
/** Loading a stage, such as a model, is not a document's fault. */
const START_MS = 60_000;
const CHECK_MS = 100;
/** Processes of one job that may end while they wait for work. */
const MAX_IDLE_ENDS = 3;

export interface SupervisedJob extends StageJob {
  readonly output: Schema;
  readonly key: string | undefined;
  readonly budget: Budget | undefined;
  readonly isTrusted: boolean;
  readonly label: string;
}

type Failure = { readonly code: string; readonly message: string };

/** Emissions of a stage over `rows`, in their order. Throws when the stage itself cannot run, or when its output is corrupt. */
export async function* superviseStage(
  job: SupervisedJob,
  rows: AsyncIterable<Row>,
  program: URL | undefined = STAGE_PROCESS,
): AsyncGenerator<Emission> {
  if (!program) throw new InternalError('a stage process needs the built program');
  const units = unitsOf(rows, job.key)[Symbol.asyncIterator]();
  /** Units that a process took down with it and that are tried again one by one, to find the one to blame. */
  let suspects: Unit[] = [];
  /** Has ended the process alone once. Whoever else ends processes, such as a system without memory, rarely hits twice. */
  let accused: Unit | undefined;
  let numIdleEnds = 0;
  let isAgain = false;
  let isAtEnd = false;
  while (!isAtEnd || suspects.length > 0 || isAgain) {
    isAgain = false;
    const isCareful = suspects.length > 0;
    const session = new StageSession(job, program, isCareful);
    try {
      const next = async (): Promise<Unit | undefined> => {
        if (isCareful) return suspects.shift();
        const { done, value } = await units.next();
        if (done) isAtEnd = true;
        return done ? undefined : value;
      };
      yield* session.run(next);
      if (!session.failure) continue;
      // The process is gone, and with it whatever of the units in flight it had not confirmed.
      const [first, ...others] = session.inFlight;
      if (isCareful && first && session.failure.code === 'crash' && accused !== first) {
        accused = first;
        suspects = [...session.inFlight, ...suspects];
      } else if (isCareful) {
        if (first) yield* failedUnit(first, session.failure.code, session.failure.message);
        suspects = [...others, ...suspects];
      } else {
        suspects = [...session.inFlight];
      }
      // Somebody else may end a process that waits for work; one that ends by itself does so again.
      isAgain = !first;
      if (!first && ++numIdleEnds > MAX_IDLE_ENDS)
        throw new InternalError(`a stage process ended by itself: ${session.failure.message}`);
    } finally {
      session.kill();
    }
  }
}

/** One process from its start to its end. */
class StageSession {
  /** Sent and not confirmed. */
  readonly inFlight: Unit[] = [];
  /** Why the process ended before its time. */
  failure: Failure | undefined;
  private readonly job: SupervisedJob;
  private readonly isCareful: boolean;
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private readonly totals = new LineTotals();
  private readonly budget: { timeMs: number; memoryMb: number };
  private stderrTail = '';
  private charsAhead: number[] = [];
  private hasAnswered = false;
  private answeredMs = performance.now();
  private wake: () => void = () => {};

  constructor(job: SupervisedJob, program: URL, isCareful: boolean) {
    this.job = job;
    this.isCareful = isCareful;
    const fallback = job.key === undefined ? DEFAULT_TIME_MS : DEFAULT_GROUP_TIME_MS;
    const { timeMs = fallback, memoryMb = DEFAULT_MEMORY_MB } = job.budget ?? {};
    this.budget = { timeMs, memoryMb };
    const { stage, config, input, baseFolder, label } = job;
    const argument: StageProcessJob = { stage, config, input, baseFolder, label, isCareful };
    const flags = [`--max-old-space-size=${memoryMb}`, '--stack-size=900'];
    this.child = spawn(process.execPath, [...flags, fileURLToPath(program), JSON.stringify(argument)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderrTail = (this.stderrTail + text).slice(-4096);
    });
    // A process that ends while rows are written to it is noticed by its end.
    this.child.stdin.on('error', () => {});
  }

  kill(): void {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
  }

  /** Emissions of confirmed units. Afterwards `failure` says whether the process has failed. */
  async *run(next: () => Promise<Unit | undefined>): AsyncGenerator<Emission> {
    const exited = new Promise<void>((resolve) => this.child.once('close', () => resolve()));
    const watch = setInterval(() => this.checkBudget(), CHECK_MS);
    const controller = new AbortController();
    const fed = this.feed(next, controller.signal);
    fed.catch(() => this.kill());
    let pending: Emission[] = [];
    let hasTrailer = false;
    try {
      for await (const line of linesOf(this.child.stdout)) {
        const answer = answerFromLine(line, this.job.output);
        if ('trailer' in answer) {
          checkTrailer(this.totals.trailer(this.job.label), answer.trailer);
          hasTrailer = true;
          continue;
        }
        if (hasTrailer) throw corrupt('a line follows its trailer');
        this.totals.add(line);
        if ('emission' in answer) pending.push(answer.emission);
        else {
          this.confirm(answer.unitsDone);
          yield* pending;
          pending = [];
        }
      }
      await exited;
    } finally {
      clearInterval(watch);
      controller.abort();
      this.wake();
    }
    // Also after a failure: a unit that was being read meanwhile belongs to those in flight, and is not to be lost.
    await fed;
    if (!hasTrailer) {
      this.failure ??= this.describeEnd();
      return;
    }
    if (this.inFlight.length > 0 || pending.length > 0) throw corrupt('documents are not confirmed');
  }

  private confirm(numUnits: number): void {
    this.inFlight.splice(0, numUnits);
    this.charsAhead.splice(0, numUnits);
    // The first answer, for no units yet, says that the stage is loaded.
    this.hasAnswered = true;
    this.answeredMs = performance.now();
    this.wake();
  }

  /** Send units as long as few enough are in flight, then close stdin. */
  private async feed(next: () => Promise<Unit | undefined>, signal: AbortSignal): Promise<void> {
    const { stdin } = this.child;
    while (!signal.aborted) {
      const ahead = this.charsAhead.reduce((sum, chars) => sum + chars, 0);
      const isFull = this.isCareful
        ? this.inFlight.length > 0
        : this.inFlight.length >= MAX_AHEAD || (this.inFlight.length > 0 && ahead > MAX_AHEAD_CHARS);
      if (isFull) {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
        continue;
      }
      const unit = await next();
      if (!unit) {
        stdin.end();
        return;
      }
      if (this.inFlight.length === 0) this.answeredMs = performance.now();
      this.inFlight.push(unit);
      if (signal.aborted) return;
      this.totals.numIn += unit.length;
      const lines = unit.map((row) => `${JSON.stringify(rowToJson(row, this.job.input))}\n`).join('');
      this.charsAhead.push(lines.length);
      const isTaken = stdin.write(this.job.key === undefined ? lines : `${lines}\n`);
      if (!isTaken && !signal.aborted && !stdin.destroyed) await this.drained(signal);
    }
  }

  /** Until stdin takes more, or nobody will. */
  private async drained(signal: AbortSignal): Promise<void> {
    const { stdin } = this.child;
    await new Promise<void>((resolve) => {
      const settle = () => {
        stdin.off('drain', settle).off('close', settle);
        signal.removeEventListener('abort', settle);
        resolve();
      };
      stdin.on('drain', settle).on('close', settle);
      signal.addEventListener('abort', settle);
    });
  }

  private checkBudget(): void {
    if (this.inFlight.length === 0 || this.failure) return;
    const { timeMs, memoryMb } = this.budget;
    const limitMs = this.hasAnswered ? timeMs : timeMs + START_MS;
    if (performance.now() - this.answeredMs > limitMs) {
      this.failure = failure('timeout', `it took longer than ${timeMs} ms`);
      this.kill();
    } else if (residentMb(this.child.pid) > memoryMb + 512) {
      this.failure = failure('memory', `it took more than ${memoryMb} MB`);
      this.kill();
    }
  }

  /** Throws where the stage could not even begin: no document is to blame. */
  private describeEnd(): Failure {
    const fatal = /^\{"fatal":.*\}$/m.exec(this.stderrTail)?.[0];
    if (fatal) throw errorOf((JSON.parse(fatal) as { fatal: Fatal }).fatal);
    if (/heap out of memory/i.test(this.stderrTail))
      return failure('memory', `it took more than ${this.budget.memoryMb} MB`);
    const { exitCode, signalCode } = this.child;
    return failure('crash', `the process ended with ${signalCode ?? `exit code ${exitCode}`}`);
  }
}

/** Codes in the table of errors; nothing throws them. */
type FailureCode = 'timeout' | 'memory' | 'crash';

function failure(code: FailureCode, message: string): Failure {
  return { code, message };
}

interface Fatal {
  readonly name?: string;
  readonly message: string;
  readonly code?: string;
  readonly hint?: string;
}

/** The error of another process, in its class. */
export function errorOf({ name, message, code, hint }: Fatal): Error {
  if (code === undefined) return new InternalError(`a stage failed: ${message}`);
  const classes = { FormatError, ResourceError, UnsupportedError, UsageError };
  const Class = classes[name as keyof typeof classes] ?? ResourceError;
  return new Class(message, { code, ...(hint !== undefined && { hint }) });
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let held = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = (held + chunk).split('\n');
    held = lines.pop() as string;
    yield* lines;
  }
  // What a process did not end with a line feed was cut off.
}

/** Memory of a process in MB; 0 where the system does not say. */
function residentMb(pid: number | undefined): number {
  if (process.platform !== 'linux' || pid === undefined) return 0;
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    return (pages * 4096) / 1e6;
  } catch {
    return 0;
  }
}
