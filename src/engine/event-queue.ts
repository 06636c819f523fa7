/** Events that may lie unread before the writer should make a pause. */
const MAX_UNREAD = 64;

/** Events from the loop to one reader. The writer never waits; the reader does, until it is woken by `flush` or `end`. */
export class EventQueue<T> {
  /** Called when the reader has caught up after `isFull`. */
  onDrained: (() => void) | undefined;
  private items: T[] = [];
  private wake: (() => void) | undefined;
  private isEnded = false;
  private error: unknown;

  /** The reader is slow. What is pushed all the same is kept. */
  get isFull(): boolean {
    return this.items.length >= MAX_UNREAD;
  }

  push(item: T): void {
    this.items.push(item);
  }

  flush(): void {
    if (this.items.length > 0) this.wake?.();
  }

  /** No more items; with an error, the reader throws it after the items before it. */
  end(error?: unknown): void {
    this.isEnded = true;
    this.error = error;
    this.wake?.();
  }

  async *read(): AsyncGenerator<T, void, undefined> {
    while (true) {
      if (this.items.length > 0) {
        const items = this.items;
        const wasFull = this.isFull;
        this.items = [];
        for (const item of items) yield item;
        if (wasFull) this.onDrained?.();
        continue;
      }
      if (this.isEnded) {
        if (this.error !== undefined) throw this.error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = undefined;
    }
  }
}
