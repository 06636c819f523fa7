/** What a command may touch of the process. Tests pass their own. */
export interface Io {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Call `handler` whenever the user interrupts (Ctrl-C, or a polite request to end); gives back how to stop that. */
  onInterrupt(handler: () => void): () => void;
  /** End at once, without tidying up. */
  exit(code: number): void;
}

export type InputStream = NodeJS.ReadableStream & { readonly isTTY?: boolean };
export type OutputStream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

/** The streams and signals of this process. */
export function processIo(): Io {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    onInterrupt(handler) {
      process.on('SIGINT', handler);
      process.on('SIGTERM', handler);
      const stopWatching = process.env.npm_command === undefined ? () => {} : onParentEnd(handler);
      return () => {
        process.off('SIGINT', handler);
        process.off('SIGTERM', handler);
        stopWatching();
      };
    },
    exit: (code) => process.exit(code),
  };
}

const PARENT_CHECK_MS = 500;

/**
 * npx and npm run end with a SIGTERM without handing it on, and would leave what they started running. Only there the end of
 * the parent is a signal: a command that a shell started may outlive it.
 */
function onParentEnd(handler: () => void): () => void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    handler();
  }, PARENT_CHECK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
