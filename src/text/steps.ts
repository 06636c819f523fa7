/** Runs work that pauses at each `yield` to its end, without a pause. */
export function toEnd<T>(steps: Iterator<void, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
