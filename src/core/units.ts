/** The longest that a timer of JavaScript can wait, 24 days: for a longer time it fires at once. */
export const MAX_TIMER_SECONDS = Math.floor((2 ** 31 - 1) / 1000);

/** `1234567` -> `1,234,567`. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Decimal units, three significant digits: `812646400` -> `813 MB`. */
export function formatBytes(sizeBytes: number): string {
  return `${formatScaled(sizeBytes, 1000, ['B', 'kB', 'MB', 'GB', 'TB', 'PB'])}`;
}

/** `142774381696` -> `143B`, as model names spell parameter counts. */
export function formatParameters(count: number): string {
  return formatScaled(count, 1000, ['', 'K', 'M', 'B', 'T']).replace(' ', '');
}

/** `75_250` -> `1m15s`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${(ms / 1000).toFixed(1)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${String(seconds % 60).padStart(2, '0')}s`;
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`;
}

/** `8GB`, `512 MiB`, `1000` -> bytes; undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)?$/i.exec(text.trim());
  if (!match) return undefined;
  const [, value, prefix = '', binary = ''] = match;
  const step = binary === '' ? 1000 : 1024;
  return Math.floor(Number(value) * step ** ' kmgt'.indexOf(prefix.toLowerCase() || ' '));
}

function formatScaled(value: number, step: number, names: readonly string[]): string {
  let index = 0;
  let scaled = value;
  while (scaled >= step && index < names.length - 1) {
    scaled /= step;
    index++;
  }
  const digits = index === 0 || scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${names[index]}`;
}
