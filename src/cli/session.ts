import { styleText } from 'node:util';
import { ResourceError } from '../core/errors.ts';
import type { Io, OutputStream } from './io.ts';
import { printable } from './printable.ts';
import { Progress, type ProgressUnit } from './progress.ts';

/** The user pressed Ctrl-C. Not an error: no message, exit code 130. */
export class Interrupted extends Error {
  override readonly name = 'AbortError';

  constructor() {
    super('interrupted');
  }
}

/** Who read our stdout is gone (`dots run | head -1`). Nothing is left to say and nobody to say it to. */
export class OutputClosed extends Error {
  override readonly name = 'AbortError';

  constructor() {
    super('stdout was closed');
  }
}

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const PATIENCE_MS = 500;

/** One run of the command line: its streams, what interrupts it, and how it talks. */
export class Session {
  readonly io: Io;
  /** Aborted by Ctrl-C, or when stdout goes away. */
  readonly signal: AbortSignal;
  /** What the process exits with where nothing is thrown: 1 for a command whose answer is "no". */
  exitCode: 0 | 1 = 0;
  private readonly controller = new AbortController();
  private readonly interruptHandlers: (() => void)[] = [() => this.interrupt()];
  private readonly stopListening: () => void;
  private interruptedMs = 0;
  private activeProgress: Progress | undefined;

  constructor(io: Io) {
    this.io = io;
    this.signal = this.controller.signal;
    this.stopListening = io.onInterrupt(() => this.interruptHandlers.at(-1)?.());
    // These stay after `close`: a stream may report its end only after the last write.
    io.stdout.on('error', (error: NodeJS.ErrnoException) => {
      this.controller.abort(error.code === 'EPIPE' ? new OutputClosed() : unwritable(error));
    });
    // An error of stderr has nowhere to be reported.
    io.stderr.on('error', () => {});
  }

  close(): void {
    this.activeProgress?.clear();
    this.stopListening();
  }

  /** Until the returned function is called, Ctrl-C calls `handler` and nothing else. */
  overrideInterrupt(handler: () => void): () => void {
    this.interruptHandlers.push(handler);
    return () => {
      this.interruptHandlers.splice(this.interruptHandlers.indexOf(handler), 1);
    };
  }

  /** End the command. Tidying up may take a moment; who asks again a while later won't wait for it. */
  interrupt(): void {
    const now = performance.now();
    // npm hands the signal on that the terminal has sent to all processes already: two at once are one.
    if (this.signal.aborted && now - this.interruptedMs > PATIENCE_MS) this.io.exit(130);
    if (!this.signal.aborted) this.interruptedMs = now;
    this.controller.abort(new Interrupted());
  }

  /** Text to stdout; waits while the reader is slow. Throws when interrupted meanwhile. */
  async write(text: string): Promise<void> {
    this.signal.throwIfAborted();
    this.activeProgress?.clear();
    if (text === '' || this.io.stdout.write(text)) return;
    await new Promise<void>((resolve, reject) => {
      const onDrain = (): void => {
        this.signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = (): void => {
        this.io.stdout.off('drain', onDrain);
        reject(this.signal.reason as Error);
      };
      this.io.stdout.once('drain', onDrain);
      this.signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** What a model says: as it is for a pipe, without control characters for a terminal. */
  async writeAnswer(text: string): Promise<void> {
    await this.write(this.io.stdout.isTTY ? printable(text) : text);
  }

  async line(text = ''): Promise<void> {
    await this.write(`${text}\n`);
  }

  /** The one document of `--json`. */
  async json(value: unknown): Promise<void> {
    await this.write(`${JSON.stringify(value)}\n`);
  }

  /** A line for people, on stderr. */
  note(text: string): void {
    this.activeProgress?.clear();
    this.io.stderr.write(`${text}\n`);
  }

  warn(text: string): void {
    this.note(`${this.style('yellow', 'note:', this.io.stderr)}  ${printable(text)}`);
  }

  /** A bar where stderr is a terminal; otherwise a line now and then, and none with `--json`. */
  progress(label: string, unit: ProgressUnit, options: { json?: boolean | undefined }): Progress {
    const isTerminal = isInteractive(this.io.stderr, this.io.env);
    const mode = isTerminal ? 'bar' : options.json ? 'silent' : 'lines';
    this.activeProgress?.clear();
    this.activeProgress = new Progress(this.io.stderr, label, unit, mode);
    return this.activeProgress;
  }

  /** Coloured where the stream is a terminal that wants it. */
  style(style: Style | readonly Style[], text: string, stream: OutputStream = this.io.stdout): string {
    const { env } = this.io;
    const wanted = isInteractive(stream, env) && (env.NO_COLOR ?? '') === '';
    return wanted ? styleText(style as Style[], text, { validateStream: false }) : text;
  }
}

function unwritable(cause: Error): ResourceError {
  return new ResourceError(`Cannot write to stdout: ${cause.message}`, {
    code: 'unwritable-stdout',
    hint: 'check that the disk has room',
    cause,
  });
}

function isInteractive(stream: OutputStream, env: Io['env']): boolean {
  return stream.isTTY === true && env.TERM !== 'dumb';
}
