import { PassThrough, Readable } from 'node:stream';
import type { Io } from '../../src/cli/io.ts';
import { main } from '../../src/cli/main.ts';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  /** What stdin holds; absent: stdin is a terminal where nobody types. */
  readonly stdin?: string | Readable;
  readonly env?: Record<string, string>;
  /** Called for each piece of stdout; may interrupt. */
  readonly onStdout?: (text: string, interrupt: () => void) => void;
  /** Called for each piece of stderr; may interrupt. */
  readonly onStderr?: (text: string, interrupt: () => void) => void;
  /** Ctrl-C after this time; 0: as soon as the command waits for something. */
  readonly interruptAfterMs?: number;
  /** stdout and stderr are terminals. */
  readonly isTerminal?: boolean;
}

// Commands that compute. The numbers expected of them are those of the reference backend, built or not the native one.
const COMPUTING = ['run', 'chat', 'logits', 'perplexity', 'bench'];

/** Run the command line in this process, on the reference backend unless argv names one. */
export async function runCli(argv: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const handlers = new Set<() => void>();
  const interrupt = (): void => {
    for (const handler of handlers) handler();
  };
  const { stream: stdout, text: readStdout } = collector((text) => options.onStdout?.(text, interrupt));
  const { stream: stderr, text: readStderr } = collector((text) => options.onStderr?.(text, interrupt));
  const terminal = { isTTY: options.isTerminal ?? false, columns: 100 };
  const input = options.stdin === undefined ? new PassThrough() : options.stdin;
  const io: Io = {
    stdin: Object.assign(typeof input === 'string' ? Readable.from([Buffer.from(input)]) : input, {
      isTTY: options.stdin === undefined,
    }),
    stdout: Object.assign(stdout, terminal),
    stderr: Object.assign(stderr, terminal),
    env: options.env ?? {},
    onInterrupt(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    exit(code) {
      throw new Error(`the process was ended with ${code}`);
    },
  };
  const timer =
    options.interruptAfterMs === undefined ? undefined : setTimeout(interrupt, options.interruptAfterMs);
  const needsBackend = COMPUTING.includes(argv[0]) && !argv.includes('--backend') && !argv.includes('--help');
  const code = await main(needsBackend ? [...argv, '--backend', 'reference'] : argv, io);
  clearTimeout(timer);
  return { code, stdout: readStdout(), stderr: readStderr() };
}

/** As `runCli`, for runs that have to succeed with one JSON document. */
export async function runJson<T>(argv: readonly string[], options: CliOptions = {}): Promise<T> {
  const result = await runCli([...argv, '--json'], options);
  if (result.code !== 0) throw new Error(`exit code ${result.code}: ${result.stderr}`);
  return JSON.parse(result.stdout) as T;
}

function collector(onText: (text: string) => void): { stream: PassThrough; text: () => string } {
  const stream = new PassThrough();
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text += chunk;
    onText(chunk);
  });
  return { stream, text: () => text + (stream.read() ?? '') };
}
