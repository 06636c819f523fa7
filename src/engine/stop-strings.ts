/**
 * Looks for stop strings in text that arrives in pieces. Text that may still turn out to be the beginning of a stop
 * string is held back, so that nothing of a stop string is ever shown, wherever the token borders fall.
 */
export class StopStrings {
  private readonly stops: readonly string[];
  private held = '';

  constructor(stops: readonly string[]) {
    this.stops = stops.filter((stop) => stop.length > 0);
  }

  /** Text that is safe to show now, and the stop string, once one is complete (the earliest in the text wins). */
  push(text: string): { text: string; stop?: string } {
    if (this.stops.length === 0) return { text };
    const all = this.held + text;
    let at = -1;
    let found = '';
    for (const stop of this.stops) {
      const index = all.indexOf(stop);
      if (index >= 0 && (at < 0 || index < at || (index === at && stop.length > found.length))) {
        at = index;
        found = stop;
      }
    }
    if (at >= 0) {
      this.held = '';
      return { text: all.slice(0, at), stop: found };
    }
    const keep = possibleBeginning(all, this.stops);
    this.held = all.slice(all.length - keep);
    return { text: all.slice(0, all.length - keep) };
  }

  /** No more text will come: what was held back was not a stop string after all. */
  flush(): string {
    const rest = this.held;
    this.held = '';
    return rest;
  }
}

/** Length of the longest end of `text` with which one of the others begins and that is not all of it. */
export function possibleBeginning(text: string, others: readonly string[]): number {
  const longest = Math.max(...others.map((other) => other.length - 1));
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const end = text.slice(text.length - length);
    if (others.some((other) => other.startsWith(end))) return length;
  }
  return 0;
}
