/** Work goes on for this long before the browser may paint and react. */
const SLICE_MS = 12;

const queue: (() => void)[] = [];
let isScheduled = false;

/** Runs `task` soon, after those that wait already. Many tasks take many turns, so that none of them blocks the page. */
export function soon(task: () => void): void {
  queue.push(task);
  if (isScheduled) return;
  isScheduled = true;
  setTimeout(runSlice);
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
