/** Events from the loop to one reader. The writer never waits; the reader does. */
export class EventQueue<T> {
  private readonly items: T[] = [];
  private wake: (() => void) | undefined;
  private isEnded = false;
  private error: unknown;

  push(item: T): void {
    this.items.push(item);
    this.wake?.();
  }

  /** No more items; with an error, the reader throws it after the items before it. */
  end(error?: unknown): void {
    this.isEnded = true;
    this.error = error;
    this.wake?.();
  }

  async *read(): AsyncGenerator<T, void, undefined> {
    while (true) {
      while (this.items.length > 0) yield this.items.shift() as T;
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
