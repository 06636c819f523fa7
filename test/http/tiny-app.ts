import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Model, open } from '../../src/engine/model.ts';
import type { OpenOptions } from '../../src/engine/open.ts';
import { type App, createApp } from '../../src/server/app.ts';
import type { ServerOptions } from '../../src/server/options.ts';
import { editedGguf } from '../cli/edited-gguf.ts';

export interface TinyApp {
  readonly app: App;
  readonly model: Model;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  close(): Promise<void>;
}

const folder = mkdtempSync(join(tmpdir(), 'dots-http-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let longModel: Promise<string> | undefined;

/** The tiny model, said to read 4,096 tokens: descriptions of tools do not fit into the 512 that it was trained on. */
export function tinyModelPath(): Promise<string> {
  longModel ??= editedGguf(join(folder, 'tiny.gguf'), {
    metadata: { 'dots1.context_length': { type: 'u32', value: 4096 } },
  });
  return longModel;
}

/** The app over the tiny model, without a socket. */
export async function openTinyApp(
  options: ServerOptions = {},
  openOptions: OpenOptions = {},
): Promise<TinyApp> {
  const model = await open(await tinyModelPath(), { threads: 1, maxParallel: 8, ...openOptions });
  const app = createApp(model, { modelName: 'tiny', ...options });
  const ask = async (path: string, init: RequestInit): Promise<Response> =>
    app.fetch(new Request(`http://localhost${path}`, init));
  return {
    app,
    model,
    get: (path, headers = {}) => ask(path, { headers }),
    post: (path, body, headers = {}) =>
      ask(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    close: () => model.close(),
  };
}

/** The `data:` lines of a stream, parsed; the last one may be `[DONE]`. */
export async function readEvents(response: Response): Promise<unknown[]> {
  const text = await response.text();
  return text
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => (event === 'data: [DONE]' ? '[DONE]' : JSON.parse(event.slice('data: '.length))));
}
