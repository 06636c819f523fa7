import { readFileSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { UsageError } from '../core/errors.ts';
import { availableMemory } from '../engine/memory-check.ts';
import { Model } from '../engine/model.ts';
import { isLoopback } from '../server/access.ts';
import { createServer, noApiKey, type RunningServer } from '../server/create-server.ts';
import { openModel } from './open-model.ts';
import type { ModelFlags } from './options.ts';
import type { Session } from './session.ts';

export interface ServeFlags extends ModelFlags {
  readonly host: string;
  readonly port: number;
  readonly apiKey?: string[];
  readonly apiKeyFile?: string;
  readonly servedModelName?: string;
  readonly alias?: string[];
  readonly maxModelLen?: number;
  readonly parallel: number;
  readonly kvSize?: number;
  readonly prefixCache?: number;
  readonly corsOrigin?: string[];
  readonly insecure?: boolean;
  readonly strict?: boolean;
  readonly timeout?: number;
  readonly drain: number;
}

/** `dots serve`: the OpenAI API and the chat page on one port, until a signal ends it. */
export async function serve(session: Session, model: string | undefined, flags: ServeFlags): Promise<void> {
  const apiKeys = readApiKeys(session, flags);
  const isOpen = !isLoopback(flags.host.toLowerCase());
  if (isOpen && apiKeys.length === 0 && !flags.insecure) {
    const hint = 'give --api-key-file FILE (or DOTS_API_KEY in the environment), or --insecure to allow it';
    throw noApiKey(flags.host, hint);
  }
  const context = flags.maxModelLen ?? flags.ctx;
  const engine = await openModel(session, model, flags, {
    maxParallel: flags.parallel,
    kvBytes: flags.kvSize ?? ((await availableMemory()) ?? freemem()) / 2,
    ...(flags.prefixCache !== undefined && { prefixCacheBytes: flags.prefixCache }),
    ...(context !== undefined && { contextLength: context }),
  });
  try {
    const server = await createServer(new Model(engine), {
      host: flags.host,
      port: flags.port,
      insecure: flags.insecure === true,
      modelName: flags.servedModelName ?? defaultName(model, engine.files.name),
      aliases: flags.alias ?? [],
      apiKeys,
      corsOrigins: flags.corsOrigin ?? [],
      strict: flags.strict === true,
      ...(flags.timeout !== undefined && { timeoutSeconds: flags.timeout }),
      onRequestEnd: (entry) => session.note(JSON.stringify(entry)),
    });
    session.note(
      `Serving ${server.modelName} on ${server.url} (${engine.backend.description}, ${availableParallelism()} cores); Ctrl-C stops it`,
    );
    await untilInterrupted(session, server, flags.drain);
  } finally {
    await engine.close();
  }
}

/** The first signal lets answers finish, for the drain time at most; the second one cuts them off. */
async function untilInterrupted(
  session: Session,
  server: RunningServer,
  drainSeconds: number,
): Promise<void> {
  await nextInterrupt(session, 0);
  session.note(`Stopping: running answers have ${drainSeconds} s to finish`);
  const numCut = await server.shutDown(drainSeconds * 1000, nextInterrupt(session, ECHO_MS));
  session.note(numCut === 0 ? 'Stopped' : `Stopped; ${numCut} answers were cut off`);
}

/** npm hands a signal on that the terminal has sent to all processes already, so two at once are one. */
const ECHO_MS = 500;

function nextInterrupt(session: Session, deafMs: number): Promise<void> {
  const startMs = performance.now();
  return new Promise((resolve) => {
    const restore = session.overrideInterrupt(() => {
      if (performance.now() - startMs < deafMs) return;
      restore();
      resolve();
    });
  });
}

/** Keys from the flag, a file with one a line, and the environment. On a command line others can read them. */
function readApiKeys(session: Session, flags: ServeFlags): string[] {
  const keys = [...(flags.apiKey ?? [])];
  const { DOTS_API_KEY } = session.io.env;
  if (DOTS_API_KEY) keys.push(DOTS_API_KEY);
  if (flags.apiKeyFile !== undefined) {
    try {
      keys.push(...readFileSync(flags.apiKeyFile, 'utf8').split(/\r?\n/));
    } catch (cause) {
      throw new UsageError(`Cannot read the API keys in ${flags.apiKeyFile}: ${(cause as Error).message}`, {
        code: 'unreadable-key-file',
        hint: 'the file holds one key on each line',
        cause,
      });
    }
  }
  return keys.map((key) => key.trim()).filter((key) => key !== '');
}

/** `mini`, the name of the folder, or that of the file without its ending and the number of the shard. */
export function defaultName(model: string | undefined, nameInFile: string): string {
  if (model === undefined || model === 'mini') return 'mini';
  const [, base] = /([^/\\]+)\.gguf$/i.exec(model) ?? [];
  // A file without the ending, such as a blob of Ollama, has a name that nobody can type.
  return base?.replace(/-\d{5}-of-\d{5}$/, '') ?? nameInFile;
}
