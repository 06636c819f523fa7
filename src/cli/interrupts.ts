import type { Session } from './session.ts';

/** npm hands a signal on that the terminal has sent to all processes already, so two at once are one. */
const ECHO_MS = 500;

/**
 * The signals of a command that ends in good order whenever it is asked to: the first one asks, a second one insists. They
 * count from the start, and a command that they end has not failed.
 */
export class Interrupts {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Resolves with the second signal, or once the session is interrupted in another way. */
  readonly second: Promise<void>;
  private readonly restore: () => void;

  constructor(session: Session) {
    const controller = new AbortController();
    this.signal = controller.signal;
    let onSecond: () => void = () => {};
    this.second = new Promise((resolve) => {
      onSecond = resolve;
    });
    let firstMs = 0;
    this.restore = session.overrideInterrupt(() => {
      const now = performance.now();
      if (this.signal.aborted && now - firstMs > ECHO_MS) onSecond();
      if (this.signal.aborted) return;
      firstMs = now;
      controller.abort(new DOMException('the command was asked to end', 'AbortError'));
    });
  }

  /** Resolves with the first signal, at once if it has come. */
  get first(): Promise<void> {
    return new Promise((resolve) => {
      if (this.signal.aborted) resolve();
      else this.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** From now on a signal ends the command as any other. */
  close(): void {
    this.restore();
  }
}
