/** After this long, work makes way for the browser, which paints and reacts. */
const SLICE_MS = 12;

let queue: (() => void)[] = [];
let isScheduled = false;
let spentMs = 0;

/** Whether little was spent in this turn of the browser, so that more may be done before it paints. */
export function hasTime(): boolean {
  return spentMs < SLICE_MS;
}

/** Does work at once and counts it; see `hasTime`. */
export function spend<T>(work: () => T): T {
  const startMs = performance.now();
  if (spentMs === 0)
    setTimeout(() => {
      spentMs = 0;
    });
  try {
    return work();
  } finally {
    spentMs += performance.now() - startMs;
  }
}

/**
 * Runs `task` soon, after those that wait already. Many tasks take many turns, so that none of them blocks the page. Returns what
 * takes it back.
 */
export function soon(task: () => void): () => void {
  queue.push(task);
  if (!isScheduled) {
    isScheduled = true;
    setTimeout(runSlice);
  }
  return () => {
    queue = queue.filter((other) => other !== task);
  };
}

function runSlice(): void {
  const endMs = performance.now() + SLICE_MS;
  isScheduled = false;
  try {
    do queue.shift()?.();
    while (queue.length > 0 && performance.now() < endMs);
  } finally {
    // Also after a task that threw: the others do not depend on it.
    if (queue.length > 0 && !isScheduled) {
      isScheduled = true;
      setTimeout(runSlice);
    }
  }
}
