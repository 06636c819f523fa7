/** Runs tasks in worker processes. A task whose worker dies is given to a new one. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { InternalError, ResourceError } from '../../../core/errors.ts';
import { errorOf } from '../supervisor.ts';
import { Database, type DatabaseOptions } from './database.ts';
import { runTask, type Task, type TaskResult } from './task.ts';
import type { WorkerAnswer } from './worker.ts';

/** Undefined where TypeScript runs as it is: tasks then run in this process. */
const WORKER = import.meta.url.endsWith('.js') ? new URL('./worker-main.js', import.meta.url) : undefined;

const MAX_ATTEMPTS = 3;

export interface PoolOptions {
  readonly workers: number;
  /** Of all workers together. */
  readonly memoryBytes: number;
  readonly tempFolder: string;
  readonly signal: AbortSignal | undefined;
}

/** What one worker can do. */
interface Lane {
  run(task: Task): Promise<TaskResult>;
  close(): Promise<void>;
}

/** The worker is gone; the task is not to blame, at first. */
class WorkerLost extends Error {}

export class WorkerPool {
  private readonly options: PoolOptions;
  private readonly lanes: (Lane | undefined)[];

  constructor(options: PoolOptions) {
    this.options = options;
    this.lanes = Array.from({ length: options.workers });
  }

  /** Runs tasks in their order, as many at once as there are workers. The first error ends it; other tasks finish. */
  async run(tasks: readonly Task[], onDone: (result: TaskResult) => void): Promise<void> {
    const waiting = [...tasks];
    let failure: unknown;
    const runLane = async (index: number): Promise<void> => {
      for (let task = waiting.shift(); task && failure === undefined; task = waiting.shift()) {
        try {
          onDone(await this.attempt(index, task));
        } catch (error) {
          failure ??= error;
        }
      }
    };
    await Promise.all(this.lanes.map((_, index) => runLane(index)));
    if (failure !== undefined) throw failure;
  }

  private async attempt(index: number, task: Task): Promise<TaskResult> {
    for (let attempt = 1; ; attempt++) {
      this.options.signal?.throwIfAborted();
      this.lanes[index] ??= await this.openLane(index);
      try {
        return await this.lanes[index].run(task);
      } catch (error) {
        this.options.signal?.throwIfAborted();
        const isCorrupt = (error as { code?: string }).code === 'corrupt-stage-output';
        if (error instanceof WorkerLost) this.lanes[index] = undefined;
        else if (!isCorrupt) throw error;
        if (attempt < MAX_ATTEMPTS) continue;
        if (isCorrupt) throw error;
        throw new ResourceError(
          `A worker process was ended ${MAX_ATTEMPTS} times by the same task: ${error}`,
          {
            code: 'worker-lost',
            hint: 'perhaps memory ran out: try fewer --workers; what is finished is kept',
            cause: error,
          },
        );
      }
    }
  }

  private async openLane(index: number): Promise<Lane> {
    const { workers, memoryBytes, tempFolder, signal } = this.options;
    const database: DatabaseOptions = {
      tempFolder: join(tempFolder, `worker-${process.pid}-${index}`),
      memoryBytes: memoryBytes / workers,
      threads: 1,
    };
    return WORKER ? new ProcessLane(WORKER, database, signal) : await localLane(database);
  }

  async close(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane?.close()));
  }
}

async function localLane(options: DatabaseOptions): Promise<Lane> {
  const database = await Database.open(options);
  return { run: (task) => runTask(database, task), close: () => database.close() };
}

class ProcessLane implements Lane {
  private readonly child: ChildProcess;
  private isGone = false;
  private settle: { resolve: (result: TaskResult) => void; reject: (error: unknown) => void } | undefined;

  constructor(program: URL, database: DatabaseOptions, signal: AbortSignal | undefined) {
    this.child = fork(program, { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child.send({ open: database });
    this.child.on('message', (answer: WorkerAnswer) => {
      if ('result' in answer) this.settle?.resolve(answer.result);
      else this.settle?.reject(errorOf(answer.error));
    });
    const lost = (what: string) => () => {
      this.isGone = true;
      this.settle?.reject(new WorkerLost(what));
    };
    this.child.on('exit', (code, name) => lost(`it ended with ${name ?? `exit code ${code}`}`)());
    this.child.on('error', (error) => lost(error.message)());
    signal?.addEventListener('abort', () => this.child.kill('SIGKILL'), { once: true });
  }

  run(task: Task): Promise<TaskResult> {
    if (this.settle) throw new InternalError('a worker has a task already');
    if (this.isGone) return Promise.reject(new WorkerLost('it is gone'));
    return new Promise<TaskResult>((resolve, reject) => {
      this.settle = { resolve, reject };
      this.child.send({ task }, (error) => {
        if (error) reject(new WorkerLost(error.message));
      });
    }).finally(() => {
      this.settle = undefined;
    });
  }

  async close(): Promise<void> {
    if (this.isGone) return;
    const exited = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    this.child.send({ close: true }, () => {});
    await exited;
  }
}
