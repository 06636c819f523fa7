/** Threads that extract pages. A page that hangs a thread or takes all its memory costs that thread and nothing else. */
import { Worker } from 'node:worker_threads';
import { type ExtractedLine, extractLine, type FailedLine } from './extract-line.ts';

export type LineResult = ExtractedLine | FailedLine;

/** Far above the limit that `PageBudget` watches: this is for what it can't watch. */
const MAX_MS = 20_000;
const MAX_HEAP_MB = 1024;

/** Undefined where TypeScript runs as it is, as in tests: threads of Node 20 do not, and pages are extracted on the spot. */
const WORKER = import.meta.url.endsWith('.js') ? new URL('./extract-worker.js', import.meta.url) : undefined;

interface Job {
  readonly line: Uint8Array;
  readonly resolve: (result: LineResult) => void;
}

export interface ThreadOptions {
  /** The program of a thread. */
  readonly file?: URL | undefined;
  /** After this time a thread is ended with its page. */
  readonly maxMs?: number;
}

export class ExtractThreads {
  private readonly numThreads: number;
  private readonly file: URL | undefined;
  private readonly maxMs: number;
  private readonly waiting: Job[] = [];
  private readonly idle: Worker[] = [];
  private readonly all = new Set<Worker>();
  private isClosed = false;

  constructor(numThreads: number, { file = WORKER, maxMs = MAX_MS }: ThreadOptions = {}) {
    this.numThreads = numThreads;
    this.file = file;
    this.maxMs = maxMs;
  }

  /** Lines that may be handed over before the first of them is done. */
  get capacity(): number {
    return this.numThreads * 8;
  }

  extract(line: Uint8Array): Promise<LineResult> {
    if (!this.file) return Promise.resolve(extractLine(line));
    return new Promise((resolve) => {
      this.waiting.push({ line, resolve });
      this.next();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isClosed = true;
    await Promise.all([...this.all].map((worker) => worker.terminate()));
  }

  private next(): void {
    if (this.isClosed || this.waiting.length === 0) return;
    const worker = this.idle.pop() ?? (this.all.size < this.numThreads ? this.start() : undefined);
    const job = worker && this.waiting.shift();
    if (worker && job) this.run(worker, job);
  }

  private start(): Worker {
    // What was preloaded into this process is not for the thread.
    const worker = new Worker(this.file as URL, {
      execArgv: [],
      workerData: { numThreads: 'threadCpuUsage' in process ? 1 : this.numThreads },
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    this.all.add(worker);
    return worker;
  }

  private run(worker: Worker, job: Job): void {
    const end = (result: LineResult, isAlive: boolean): void => {
      clearTimeout(timer);
      worker.off('message', onMessage);
      worker.off('error', onError);
      worker.off('exit', onExit);
      if (isAlive) this.idle.push(worker);
      else {
        this.all.delete(worker);
        // A late error of the dying thread has to go somewhere.
        worker.on('error', () => {});
        void worker.terminate();
      }
      job.resolve(result);
      this.next();
    };
    const fail = (code: string, message: string): void =>
      end({ id: idOf(job.line), code, message: `Cannot extract the page: ${message}` }, false);
    const timer = setTimeout(
      () => fail('page-too-slow', `it took more than ${this.maxMs / 1000} s`),
      this.maxMs,
    );
    const onMessage = (result: LineResult): void => end(result, true);
    const onError = (error: NodeJS.ErrnoException): void => {
      if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') fail('page-failed', error.message);
      else fail('page-too-large', `it took more than ${MAX_HEAP_MB} MB of memory`);
    };
    const onExit = (): void => fail('page-failed', 'the thread ended');
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.on('exit', onExit);
    worker.postMessage(job.line);
  }
}

/** The id of a page that no thread could read, from the start of its line. */
function idOf(line: Uint8Array): string | null {
  const start = new TextDecoder().decode(line.subarray(0, 2000));
  return /^\s{0,20}\{\s{0,20}"id"\s{0,5}:\s{0,5}"([^"\\]{0,500})"/.exec(start)?.[1] ?? null;
}
