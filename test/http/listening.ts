import type { OpenOptions } from '../../src/engine/open.ts';
import { type Listening, listen } from '../../src/server/listen.ts';
import type { ServerOptions } from '../../src/server/options.ts';
import { openTinyApp, type TinyApp } from './tiny-app.ts';

export interface TinyServer extends TinyApp {
  readonly server: Listening;
  /** With `/v1`. */
  readonly baseURL: string;
}

/** The tiny model on a real socket on any free port of the loopback. */
export async function openTinyServer(
  options: ServerOptions = {},
  openOptions: OpenOptions = {},
): Promise<TinyServer> {
  const tiny = await openTinyApp(options, openOptions);
  const server = await listen(tiny.app, { host: '127.0.0.1', port: 0 });
  return {
    ...tiny,
    server,
    baseURL: `${server.url}/v1`,
    async close() {
      await server.shutDown(0);
      await tiny.close();
    },
  };
}
