import type { Channel } from './tabs.ts';

const ASK_EVERY_MS = 5000;
/** A tab that has not replied for so long is closed. */
const SILENCE_MS = 15_000;

/** Answers that other tabs are writing. A tab that is closed cannot say so: its answers end when it no longer replies. */
export class Elsewhere {
  private readonly channel: Channel | undefined;
  private readonly onEnd: (conversation: string) => void;
  /** When a message was last said to be growing. */
  private readonly heardMs = new Map<string, number>();

  constructor(channel: Channel | undefined, onEnd: (conversation: string) => void) {
    this.channel = channel;
    this.onEnd = onEnd;
  }

  isWriting(message: string): boolean {
    return this.heardMs.has(message);
  }

  /** True for the first word of a message. */
  hear(conversation: string, message: string): boolean {
    const isNew = !this.heardMs.has(message);
    this.heardMs.set(message, Date.now());
    if (isNew) this.watch(conversation, message);
    return isNew;
  }

  ask(): void {
    this.channel?.postMessage({ type: 'who-answers' });
  }

  private watch(conversation: string, message: string): void {
    const timer = setInterval(() => {
      if (Date.now() - (this.heardMs.get(message) ?? 0) < SILENCE_MS) {
        this.ask();
        return;
      }
      clearInterval(timer);
      this.heardMs.delete(message);
      this.onEnd(conversation);
    }, ASK_EVERY_MS);
  }
}
