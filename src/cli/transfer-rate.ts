import { formatBytes } from '../core/units.ts';

const WINDOW_MS = 5_000;

/** Bytes per second over the last seconds, as a download shows it. */
export class TransferRate {
  private samples: { readonly ms: number; readonly bytes: number }[] = [];
  private text = '';

  /** `12.3 MB/s  `, or nothing at the start. */
  update(doneBytes: number, ms = performance.now()): string {
    const last = this.samples.at(-1);
    // Another file, or what was there before: no transfer.
    if (last && doneBytes < last.bytes) this.samples = [];
    if (last && ms - last.ms < 100) return this.text;
    this.samples.push({ ms, bytes: doneBytes });
    // The oldest one is where the window begins; on a slow line it may be longer ago.
    while (this.samples.length > 2 && ms - this.samples[1].ms >= WINDOW_MS) this.samples.shift();
    const [first] = this.samples;
    const seconds = (ms - first.ms) / 1000;
    if (seconds >= 0.5) this.text = `${formatBytes((doneBytes - first.bytes) / seconds)}/s  `;
    return this.text;
  }
}
