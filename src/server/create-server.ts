import { fileURLToPath } from 'node:url';
import { UsageError } from '../core/errors.ts';
import type { Model } from '../engine/model.ts';
import { isLoopback } from './access.ts';
import { type App, createApp } from './app.ts';
import { type Listening, listen } from './listen.ts';
import type { PageFile, ServerOptions } from './options.ts';
import { readPageFiles } from './page-files.ts';

export interface CreateServerOptions extends ServerOptions {
  /** Default 127.0.0.1. Other than loopback addresses need `apiKeys`, or `insecure`. */
  readonly host?: string;
  /** Default 8000; 0 for any that is free. */
  readonly port?: number;
  /** Listen on the network without an API key. */
  readonly insecure?: boolean;
}

export interface RunningServer extends Listening, AsyncDisposable {
  readonly app: App;
  /** What clients call the model. */
  readonly modelName: string;
  /** As `shutDown`, with 30 s for answers that are being written. The model stays open. May be called twice. */
  close(): Promise<void>;
}

const DRAIN_MS = 30_000;

/**
 * Serve an open model: the OpenAI and Anthropic APIs, and the chat page if it was built. The model stays the caller's, who
 * closes it after the server. Throws `UsageError` (`no-api-key`) for an address that the network reaches, and
 * `ResourceError` where the port can't be had.
 */
export async function createServer(model: Model, options: CreateServerOptions = {}): Promise<RunningServer> {
  const { host = '127.0.0.1', port = 8000, insecure = false, ...more } = options;
  const isOpen = !isLoopback(host.toLowerCase());
  const hasKeys = (more.apiKeys ?? []).length > 0;
  if (isOpen && !hasKeys && !insecure) throw noApiKey(host, 'give apiKeys, or insecure: true to allow it');
  const page = more.page ?? builtPage();
  const app = createApp(model, {
    ...more,
    hosts: more.hosts ?? (isOpen && !hasKeys ? ['*'] : [host]),
    ...(page && { page }),
  });
  // Now rather than during the first answers, which would wait for it.
  await app.context.served.warmUp();
  const listening = await listen(app, { host, port });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= listening.shutDown(DRAIN_MS).then(() => undefined);
    return closing;
  };
  return {
    ...listening,
    app,
    modelName: app.context.served.name,
    close,
    [Symbol.asyncDispose]: close,
  };
}

export function noApiKey(host: string, hint: string): UsageError {
  return new UsageError(
    `Cannot listen on ${host} without an API key: everyone on the network could use the model`,
    { code: 'no-api-key', hint },
  );
}

/** One folder up from here is `dist/`, where the build puts the page; from `src/server` it is a step further. */
function builtPage(): ReadonlyMap<string, PageFile> | undefined {
  return ['../page/', '../../dist/page/']
    .map((folder) => readPageFiles(fileURLToPath(new URL(folder, import.meta.url))))
    .find((files) => files !== undefined);
}
