import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { InternalError, UsageError } from '../core/errors.ts';
import type { CompiledConstraint } from '../engine/constraint/byte-constraint.ts';
import { type ConstraintSpec, compileSpec } from '../engine/constraint/compile-constraint.ts';
import { tokenNames, tokenTexts } from '../engine/constraint/token-texts.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { queueFull } from './api-error.ts';
import type { CompileJob, CompileResult } from './constraint-worker.ts';

const MAX_THREADS = 2;
const MAX_WAITING_OF_CLIENT = 16;
const MAX_SECONDS = 30;
const MAX_HEAP_MB = 1024;
/** A thread that has nothing to do ends. */
const IDLE_MS = 60_000;

/** Undefined where TypeScript runs as it is, as in tests: threads of Node 20 do not, and constraints are compiled on the spot. */
const WORKER = import.meta.url.endsWith('.js')
  ? new URL('./constraint-worker.js', import.meta.url)
  : undefined;

interface Waiting {
  readonly client: string;
  readonly begin: () => void;
}

/**
 * Compiles constraints next to the main thread, which sends everybody's tokens: the worst schema takes seconds. At most two at a
 * time, and one for each client.
 */
export class ConstraintThreads {
  private waiting: Waiting[] = [];
  private readonly clients: string[] = [];
  private readonly idle: Worker[] = [];

  /** Throws as `compileConstraint` does, the signal's reason, and 429 while too many of the client's wait. */
  async compile(
    spec: ConstraintSpec,
    tokenizer: Tokenizer,
    client: string,
    signal: AbortSignal,
  ): Promise<CompiledConstraint> {
    const texts = tokenTexts(tokenizer);
    if (!WORKER) return compileSpec(spec, texts);
    const names = [...tokenNames(gbnfOf(spec))];
    const job = { spec, tokens: new Map(names.map((name) => [name, texts(name)])) };
    await this.turn(client, signal);
    const worker = this.idle.pop() ?? startThread(WORKER);
    try {
      const result = await resultOf(worker, job, signal);
      this.keep(worker);
      return compiledOf(result);
    } finally {
      this.clients.splice(this.clients.indexOf(client), 1);
      this.next();
    }
  }

  private async turn(client: string, signal: AbortSignal): Promise<void> {
    const numWaiting = this.waiting.filter((one) => one.client === client).length;
    if (numWaiting >= MAX_WAITING_OF_CLIENT) throw queueFull(numWaiting);
    await new Promise<void>((resolve, reject) => {
      const one = { client, begin: resolve };
      signal.addEventListener('abort', () => {
        if (!this.waiting.includes(one)) return;
        this.waiting = this.waiting.filter((other) => other !== one);
        reject(signal.reason);
      });
      this.waiting.push(one);
      this.next();
    });
  }

  private next(): void {
    if (this.clients.length >= MAX_THREADS) return;
    const one = this.waiting.find(({ client }) => !this.clients.includes(client));
    if (!one) return;
    this.waiting = this.waiting.filter((other) => other !== one);
    this.clients.push(one.client);
    one.begin();
  }

  private keep(worker: Worker): void {
    worker.unref();
    this.idle.push(worker);
    const timer = setTimeout(() => {
      const index = this.idle.indexOf(worker);
      if (index < 0) return;
      this.idle.splice(index, 1);
      void worker.terminate();
    }, IDLE_MS);
    timer.unref();
  }
}

function startThread(file: URL): Worker {
  // What was preloaded into this process is not for the thread.
  return new Worker(file, { execArgv: [], resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB } });
}

async function resultOf(worker: Worker, job: CompileJob, signal: AbortSignal): Promise<CompileResult> {
  const ended = new AbortController();
  const tooSlow = setTimeout(
    () => ended.abort(tooLarge(`takes more than ${MAX_SECONDS} s to compile`)),
    1000 * MAX_SECONDS,
  );
  try {
    worker.ref();
    worker.postMessage(job);
    const [result] = await once(worker, 'message', { signal: AbortSignal.any([signal, ended.signal]) });
    return result as CompileResult;
  } catch (error) {
    // Whatever it still does, nobody waits for it.
    void worker.terminate();
    if (signal.aborted) throw signal.reason;
    if (ended.signal.aborted) throw ended.signal.reason;
    const { code } = error as { code?: string };
    throw code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooLarge('takes too much memory to compile') : error;
  } finally {
    clearTimeout(tooSlow);
  }
}

function compiledOf(result: CompileResult): CompiledConstraint {
  if ('compiled' in result) return result.compiled;
  if ('failed' in result) throw new InternalError(`a constraint did not compile: ${result.failed}`);
  const { message, code, hint } = result.refused;
  throw new UsageError(message, { code, ...(hint !== undefined && { hint }) });
}

function tooLarge(what: string): UsageError {
  return new UsageError(`The constraint is too large: it ${what}`, {
    code: 'constraint-too-large',
    hint: 'use a simpler schema, pattern or list, with smaller bounds',
  });
}

function gbnfOf(spec: ConstraintSpec): string {
  if (spec.type === 'tools') return spec.text ? gbnfOf(spec.text) : '';
  return spec.type === 'grammar' ? spec.gbnf : '';
}
