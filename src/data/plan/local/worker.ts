/** A worker process of the local executor: runs the tasks that its parent sends, and ends with it. */
import { DotsError } from '../../../core/errors.ts';
import { Database, type DatabaseOptions } from './database.ts';
import { runTask, type Task, type TaskResult } from './task.ts';

export type WorkerRequest =
  | { readonly open: DatabaseOptions }
  | { readonly task: Task }
  | { readonly close: true };

export type WorkerAnswer =
  | { readonly result: TaskResult }
  | {
      readonly error: {
        readonly name: string;
        readonly message: string;
        readonly code?: string;
        readonly hint?: string;
      };
    };

/** Answers each request with a task; `close` ends the process. */
export function runWorker(): void {
  let database: Promise<Database> | undefined;
  process.on('disconnect', () => process.exit(1));
  process.on('message', (request: WorkerRequest) => {
    if ('open' in request) {
      database = Database.open(request.open);
      // Reported by the first task.
      database.catch(() => {});
      return;
    }
    if ('close' in request) {
      void Promise.resolve(database)
        .then((open) => open?.close())
        .finally(() => process.exit(0));
      return;
    }
    void answer(database as Promise<Database>, request.task).then((reply) => process.send?.(reply));
  });
}

async function answer(database: Promise<Database>, task: Task): Promise<WorkerAnswer> {
  try {
    return { result: await runTask(await database, task) };
  } catch (error) {
    const { name, message } = error as Error;
    const { code, hint } = error instanceof DotsError ? error : { code: undefined, hint: undefined };
    return {
      error: { name, message, ...(code !== undefined && { code }), ...(hint !== undefined && { hint }) },
    };
  }
}
