import type { ChosenLogprob } from '../../engine/events.ts';

/** Log-probabilities wait for the text that they belong to; those of calls are never shown. */
export class ContentLogprobs {
  private readonly held: ChosenLogprob[] = [];
  /** Bytes of content whose log-probabilities have not been shown. */
  private owedBytes = 0;

  push(entries: readonly ChosenLogprob[] | undefined): void {
    if (entries) this.held.push(...entries);
  }

  /** The entries that become complete with this content. */
  take(text: string): ChosenLogprob[] {
    this.owedBytes += Buffer.byteLength(text);
    const shown: ChosenLogprob[] = [];
    while (this.held.length > 0 && this.held[0].bytes.length <= this.owedBytes) {
      const entry = this.held.shift() as ChosenLogprob;
      this.owedBytes -= entry.bytes.length;
      shown.push(entry);
    }
    return shown;
  }
}
