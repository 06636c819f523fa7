/** After everything that waits now; browsers have no `setImmediate`. */
const afterOthers: (call: () => void) => void =
  typeof setImmediate === 'function' ? setImmediate : (call) => setTimeout(call, 0);

/** Limit on one slice of work, during which the event loop does nothing else. */
const SLICE_MS = 8;

/**
 * Long work on the main thread, next to the streams that it must not stall: one slice in each turn of the event loop, whoever
 * has work to do. Requests with work take turns in the order in which they ask.
 */
export class Turns {
  private readonly waiting: (() => void)[] = [];
  private isScheduled = false;
  /** When the slice of this turn of the event loop began, if one did. */
  private sliceMs: number | undefined;

  /** Resolves in a turn of the event loop that belongs to the caller. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.schedule();
    });
  }

  /** Run work that pauses at each `yield` to its end; short work runs at once. */
  async run<T>(steps: Iterator<void, T>): Promise<T> {
    for (;;) {
      if (this.isSpent()) await this.next();
      do {
        const { done, value } = steps.next();
        if (done) return value;
      } while (!this.isSpent());
    }
  }

  /** Run such work as far as this turn of the event loop has time for it, at least one step; true at its end. */
  begin(steps: Iterator<void, unknown>): boolean {
    do {
      if (steps.next().done) return true;
    } while (!this.isSpent());
    return false;
  }

  /** What `make` gives for each item, in order, in slices. */
  map<T, U>(items: readonly T[], make: (item: T, index: number) => U): Promise<U[]> {
    return this.run(mapSteps(items, make));
  }

  /** Whether all work of this turn of the event loop together has had its slice. */
  private isSpent(): boolean {
    const now = performance.now();
    if (this.sliceMs === undefined) {
      this.sliceMs = now;
      afterOthers(() => {
        this.sliceMs = undefined;
      });
    }
    return now - this.sliceMs >= SLICE_MS;
  }

  private schedule(): void {
    if (this.isScheduled || this.waiting.length === 0) return;
    this.isScheduled = true;
    afterOthers(() => {
      this.isScheduled = false;
      this.sliceMs = undefined;
      this.waiting.shift()?.();
      this.schedule();
    });
  }
}

function* mapSteps<T, U>(items: readonly T[], make: (item: T, index: number) => U): Generator<void, U[]> {
  const made: U[] = [];
  for (const [i, item] of items.entries()) {
    made.push(make(item, i));
    yield;
  }
  return made;
}
