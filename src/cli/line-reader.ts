import { createInterface, type Interface } from 'node:readline';
import type { Session } from './session.ts';

/** Lines from stdin, one at a time. In a terminal with editing and history; from a pipe as they come. */
export class LineReader {
  readonly isTerminal: boolean;
  private readonly session: Session;
  private readonly reader: Interface;
  private readonly ready: string[] = [];
  private isEnded = false;
  private wake: (() => void) | undefined;

  /** `onInterrupt`: in a terminal Ctrl-C comes as a key here, not as a signal. */
  constructor(session: Session, onInterrupt: () => void) {
    const { stdin, stderr } = session.io;
    this.session = session;
    this.isTerminal = stdin.isTTY === true;
    // Prompts and echo go to stderr, so that stdout has the answers and nothing else.
    this.reader = createInterface({
      input: stdin,
      output: stderr,
      terminal: this.isTerminal,
      historySize: 500,
    });
    const wakeUp = (): void => this.wake?.();
    this.reader.on('line', (line) => {
      this.ready.push(line);
      wakeUp();
    });
    this.reader.on('close', () => {
      this.isEnded = true;
      wakeUp();
    });
    this.reader.on('SIGINT', onInterrupt);
    session.signal.addEventListener('abort', wakeUp, { once: true });
  }

  /** The next line, or undefined at the end. Throws when interrupted. */
  async read(prompt: string): Promise<string | undefined> {
    // A closed reader throws: the input may have ended (Ctrl-D) while the model answered.
    if (this.isTerminal && this.ready.length === 0 && !this.isEnded) {
      this.reader.setPrompt(prompt);
      this.reader.prompt();
    }
    for (;;) {
      this.session.signal.throwIfAborted();
      if (this.ready.length > 0) return this.ready.shift();
      if (this.isEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = undefined;
    }
  }

  close(): void {
    this.reader.close();
    // A pipe that nobody closes would otherwise keep the process alive.
    (this.session.io.stdin as { unref?: () => void }).unref?.();
  }
}
