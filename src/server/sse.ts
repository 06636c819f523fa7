/** Server-sent events: one `data:` line for each chunk, with a limit on what a slow reader leaves unread. */

export const SSE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  // Proxies must neither keep, change nor collect what is meant to arrive piece by piece.
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

export interface SseOptions {
  /** Bytes that may wait for the reader before `drained()` blocks. */
  readonly maxUnsentBytes: number;
  /** A comment is sent after this much silence, so that proxies don't take a long prompt for a dead connection. Undefined: never. */
  readonly pingMs: number | undefined;
  /** The reader has gone away. */
  readonly onCancel: () => void;
}

const encoder = new TextEncoder();

/**
 * Events that follow sooner than this upon the last write go out together, about one write for each picture of a screen. A
 * small model makes a token in half a millisecond: there a write for each token took a fifth of the speed, one in 5 ms a tenth.
 */
const WRITE_EVERY_MS = 20;

export class SseStream {
  readonly body: ReadableStream<Uint8Array>;
  private controller!: ReadableStreamDefaultController<Uint8Array>;
  private wake: (() => void) | undefined;
  private pings: ReturnType<typeof setInterval> | undefined;
  private isSilent = true;
  private isClosed = false;
  private unwritten = '';
  private lastWriteMs = Number.NEGATIVE_INFINITY;
  private nextWrite: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SseOptions) {
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.controller = controller;
        },
        pull: () => this.wake?.(),
        cancel: () => {
          this.finish();
          options.onCancel();
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: options.maxUnsentBytes }),
    );
    if (options.pingMs === undefined) return;
    this.pings = setInterval(() => this.ping(), options.pingMs);
    (this.pings as { unref?: () => void }).unref?.();
  }

  /** One event. Never waits; ask `isFull` before making more. */
  send(data: string): void {
    this.write(`data: ${data}\n\n`);
  }

  /** One event with a name, as the newer APIs have them. */
  sendNamed(event: string, data: string): void {
    this.write(`event: ${event}\ndata: ${data}\n\n`);
  }

  /** A line, for streams that are not events. */
  sendLine(text: string): void {
    this.write(`${text}\n`);
  }

  get isFull(): boolean {
    return !this.isClosed && (this.controller.desiredSize ?? 1) <= this.unwritten.length;
  }

  /** Waits until the reader has caught up; false if it has not within the time. */
  async drained(timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (this.isFull) {
      const left = deadline - performance.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.wake = undefined;
    }
    return true;
  }

  close(): void {
    if (this.isClosed) return;
    this.flush();
    this.finish();
    this.controller.close();
  }

  private finish(): void {
    this.isClosed = true;
    clearInterval(this.pings);
    clearTimeout(this.nextWrite);
    this.wake?.();
  }

  private ping(): void {
    if (this.isSilent) this.write(': ping\n\n');
    this.isSilent = true;
  }

  private write(text: string): void {
    if (this.isClosed) return;
    this.isSilent = false;
    this.unwritten += text;
    if (this.nextWrite !== undefined) return;
    const waitMs = this.lastWriteMs + WRITE_EVERY_MS - performance.now();
    if (waitMs <= 0) this.flush();
    else this.nextWrite = setTimeout(() => this.flush(), waitMs);
  }

  /** Write what was sent, without waiting for more. */
  flush(): void {
    clearTimeout(this.nextWrite);
    this.nextWrite = undefined;
    if (this.isClosed || this.unwritten === '') return;
    this.controller.enqueue(encoder.encode(this.unwritten));
    this.unwritten = '';
    this.lastWriteMs = performance.now();
  }
}
