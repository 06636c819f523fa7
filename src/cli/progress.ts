import { formatBytes, formatCount, formatDuration } from '../core/units.ts';
import type { OutputStream } from './io.ts';

export type ProgressUnit =
  | 'bytes'
  | 'tokens'
  | 'merges'
  | 'questions'
  | 'runs'
  | 'tasks'
  | 'texts'
  | 'tensors';

const BAR_WIDTH = 24;
const BAR_INTERVAL_MS = 80;
// Work that is over within this time shows nothing, lines come this far apart.
const FIRST_LINE_MS = 5_000;
const LINE_INTERVAL_MS = 10_000;
const FIRST_BAR_MS = 200;

/** How far a long piece of work is. Cheap to call often: it writes when there is something new to see. */
export class Progress {
  private readonly stream: OutputStream;
  private readonly label: string;
  private readonly unit: ProgressUnit;
  private readonly mode: 'bar' | 'lines' | 'silent';
  private readonly startMs = performance.now();
  private nextMs: number;
  private isShown = false;
  /** What was done before: an earlier process may have left the first half. */
  private firstDone: number | undefined;

  constructor(stream: OutputStream, label: string, unit: ProgressUnit, mode: 'bar' | 'lines' | 'silent') {
    this.stream = stream;
    this.label = label;
    this.unit = unit;
    this.mode = mode;
    this.nextMs = this.startMs + (mode === 'bar' ? FIRST_BAR_MS : FIRST_LINE_MS);
  }

  update(done: number, total: number, detail = ''): void {
    const now = performance.now();
    this.firstDone ??= done;
    if (this.mode === 'silent' || now < this.nextMs) return;
    this.nextMs = now + (this.mode === 'bar' ? BAR_INTERVAL_MS : LINE_INTERVAL_MS);
    const text = this.describe(done, total, detail, now - this.startMs);
    if (this.mode === 'lines') {
      this.stream.write(`${text}\n`);
      return;
    }
    const width = (this.stream.columns ?? 80) - 1;
    this.stream.write(`\r\x1b[2K${text.slice(0, width)}`);
    this.isShown = true;
  }

  /** Take the bar off the screen; the next update draws it again. */
  clear(): void {
    if (this.isShown) this.stream.write('\r\x1b[2K');
    this.isShown = false;
  }

  private describe(done: number, total: number, detail: string, elapsedMs: number): string {
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const percent = `${String(Math.floor(share * 100)).padStart(3)}%`;
    const amount =
      this.unit === 'bytes'
        ? `${formatBytes(done)} of ${formatBytes(total)}`
        : `${formatCount(done)} of ${formatCount(total)} ${this.unit}`;
    const ownDone = done - (this.firstDone ?? 0);
    const isKnown = ownDone > 0.02 * (total - (this.firstDone ?? 0));
    const left = isKnown ? `, ${formatDuration((elapsedMs / ownDone) * Math.max(0, total - done))} left` : '';
    const filled = Math.round(share * BAR_WIDTH);
    const bar = this.mode === 'bar' ? ` ${'━'.repeat(filled)}${'┄'.repeat(BAR_WIDTH - filled)}` : '';
    return `${this.label}${bar} ${percent}  ${amount}${left}${detail && `  ${detail}`}`;
  }
}
