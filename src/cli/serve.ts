import { readFileSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { UsageError } from '../core/errors.ts';
import { availableMemory } from '../engine/memory-check.ts';
import { Model } from '../engine/model.ts';
import { checkApiKey, isLoopback, parseKeyFile } from '../server/access.ts';
import { createServer, noApiKey } from '../server/create-server.ts';
import type { Interrupts } from './interrupts.ts';
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

/** `dots serve`: the APIs and the chat page on one port, until a signal ends it, also while it starts. */
export async function serve(
  session: Session,
  model: string | undefined,
  flags: ServeFlags,
  interrupts: Interrupts,
): Promise<void> {
  try {
    await serveUntilInterrupted(session, model, flags, interrupts);
  } catch (error) {
    if (!interrupts.signal.aborted) throw error;
    session.note('Stopped before it was serving');
  } finally {
    interrupts.close();
  }
}

async function serveUntilInterrupted(
  session: Session,
  model: string | undefined,
  flags: ServeFlags,
  interrupts: Interrupts,
): Promise<void> {
  const apiKeys = readApiKeys(session, flags);
  const isOpen = !isLoopback(flags.host.toLowerCase());
  if (isOpen && apiKeys.length === 0 && !flags.insecure) {
    const hint = 'give --api-key-file FILE (or DOTS_API_KEY in the environment), or --insecure to allow it';
    throw noApiKey(flags.host, hint);
  }
  const context = flags.maxModelLen ?? flags.ctx;
  const engine = await openModel(session, model, flags, {
    signal: interrupts.signal,
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
    await interrupts.first;
    session.note(`Stopping: running answers have ${flags.drain} s to finish`);
    const numCut = await server.shutDown(flags.drain * 1000, interrupts.second);
    session.note(numCut === 0 ? 'Stopped' : `Stopped; ${numCut} answers were cut off`);
  } finally {
    await engine.close();
  }
}

/**
 * Keys from the flag, a file with one a line, and the environment; on a command line others can read them. Each source that
 * is given has to hold a key: an operator who gives one does not mean a server without.
 */
function readApiKeys(session: Session, flags: ServeFlags): string[] {
  const keys = (flags.apiKey ?? []).map((key) => ({ key, source: '--api-key' }));
  const { DOTS_API_KEY } = session.io.env;
  if (DOTS_API_KEY !== undefined) keys.push({ key: DOTS_API_KEY.trim(), source: 'DOTS_API_KEY' });
  for (const { key, source } of keys) checkApiKey(key, source);
  const inFile = flags.apiKeyFile === undefined ? [] : readKeyFile(flags.apiKeyFile);
  return [...keys.map(({ key }) => key), ...inFile];
}

function readKeyFile(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`Cannot read the API keys in ${file}: ${(cause as Error).message}`, {
      code: 'unreadable-key-file',
      hint: 'the file holds one key on each line',
      cause,
    });
  }
  return parseKeyFile(text, file);
}

/** `mini`, the name of the folder, or that of the file without its ending and the number of the shard. */
export function defaultName(model: string | undefined, nameInFile: string): string {
  if (model === undefined || model === 'mini') return 'mini';
  const [, base] = /([^/\\]+)\.gguf$/i.exec(model) ?? [];
  // A file without the ending, such as a blob of Ollama, has a name that nobody can type.
  return base?.replace(/-\d{5}-of-\d{5}$/, '') ?? nameInFile;
}
