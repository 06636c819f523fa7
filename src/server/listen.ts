import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { ResourceError, UsageError } from '../core/errors.ts';
import { badRequest } from './api-error.ts';
import type { App } from './app.ts';
import { errorResponse, openaiErrors } from './error-shapes.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
}

export interface Listening {
  /** `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly port: number;
  /**
   * Answer new requests with 503, wait for the answers that are being written, then stop. What is not complete after `drainMs` ends
   * with an error, and sooner if `now` resolves. Gives the number of requests that were cut off.
   */
  shutDown(drainMs: number, now?: Promise<void>): Promise<number>;
}

/** Serve an app on a port. Throws `ResourceError` where the port can't be had, and `UsageError` for one that is none. */
export async function listen(app: App, options: ListenOptions): Promise<Listening> {
  const listener = getRequestListener(toApp(app), {
    overrideGlobalObjects: false,
    // What is so malformed that it never becomes a request.
    errorHandler: (error) =>
      errorResponse(badRequest(`The request cannot be read: ${(error as Error).message}`), openaiErrors),
  });
  const server = createServer(
    // Who sends a request byte by byte shall not hold a connection forever.
    { requestTimeout: 60_000, headersTimeout: 30_000, keepAliveTimeout: 65_000 },
    (incoming, outgoing) => void listener(incoming, outgoing),
  );
  // Tokens are small and must not wait for each other on their way out.
  server.on('connection', (socket) => socket.setNoDelay(true));
  await bind(server, options);
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}`,
    port,
    shutDown: (drainMs, now) => shutDown(server, app, drainMs, now),
  };
}

function toApp(app: App): Parameters<typeof getRequestListener>[0] {
  return (request, { incoming, outgoing }) =>
    app.fetch(request, { outgoing, address: (incoming as IncomingMessage).socket?.remoteAddress });
}

const MAX_PORT = 65_535;

function bind(server: Server, { host, port }: ListenOptions): Promise<void> {
  if (!Number.isInteger(port) || port < 0 || port > MAX_PORT) {
    throw new UsageError(`Cannot listen on port ${port}`, {
      code: 'bad-port',
      hint: `give a number from 0 to ${MAX_PORT}; 0 chooses a free port`,
    });
  }
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE';
      reject(
        new ResourceError(
          `Cannot listen on ${host}:${port}: ${isTaken ? 'the port is in use' : error.message}`,
          {
            code: 'cannot-listen',
            hint: isTaken
              ? 'end the other program, or choose another --port'
              : 'choose another --host or --port',
            cause: error,
          },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
}

/** Time for last bytes to reach readers after all answers are complete. */
const LINGER_MS = 1000;
/** After `stop()` streams need a moment to notify their readers. */
const FAREWELL_MS = 2000;

/**
 * The port stays open while answers are being written, so that who asks meanwhile learns from a 503 that it should ask another
 * server, or later.
 */
async function shutDown(server: Server, app: App, drainMs: number, now?: Promise<void>): Promise<number> {
  app.drain();
  const isQuiet = (): boolean => app.numActive === 0;
  if (await isTrueWithin(isQuiet, drainMs, now)) {
    await close(server, LINGER_MS);
    return 0;
  }
  const numCut = app.numActive;
  app.stop();
  await isTrueWithin(isQuiet, FAREWELL_MS);
  await close(server, LINGER_MS);
  return numCut;
}

const CHECK_MS = 20;

/** Whether a condition holds before the time is over, or `now` resolves. */
async function isTrueWithin(isTrue: () => boolean, ms: number, now?: Promise<void>): Promise<boolean> {
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
  }, ms);
  void now?.then(() => {
    isOver = true;
  });
  try {
    while (!isTrue()) {
      if (isOver) return false;
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
    }
    return true;
  } finally {
    clearTimeout(timer);
  }
}

/** Every answer has been sent; a connection that is still open after a while was only forgotten by its client. */
async function close(server: Server, lingerMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  const idle = setInterval(() => server.closeIdleConnections(), CHECK_MS);
  const late = setTimeout(() => server.closeAllConnections(), lingerMs);
  await closed;
  clearInterval(idle);
  clearTimeout(late);
}
