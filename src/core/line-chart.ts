export interface Line {
  /** Empty: without a label. */
  readonly name: string;
  /** Which of the colours it has; without one, that of its place. */
  readonly colour?: number;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Mark each point: for lines of a few measurements. */
  readonly hasMarks?: boolean;
}

export interface ChartOptions {
  readonly title: string;
  /** What the vertical axis counts. */
  readonly unit: string;
  readonly lines: readonly Line[];
  readonly logarithmic?: boolean;
  /** Tokens at the left and at the right end; without them, those of the points. */
  readonly range?: readonly [from: number, to: number];
  /** A value that is worth a line of its own: a limit, a goal. */
  readonly mark?: { readonly value: number; readonly label: string };
}

const WIDTH = 560;
const HEIGHT = 260;
const MARGIN = { top: 14, right: 96, bottom: 28, left: 56 };

/** One chart as an SVG figure: tokens to the right, names at the ends of the lines. Nothing where there are no points. */
export function lineChart({ title, unit, lines, logarithmic = false, mark, range }: ChartOptions): string {
  const points = lines.flatMap((line) => line.points).filter(([, y]) => !logarithmic || y > 0);
  if (points.length === 0) return '';
  const toScale = (y: number): number => (logarithmic ? Math.log10(y) : y);
  const ys = [...points.map(([, y]) => toScale(y)), ...(mark ? [toScale(mark.value)] : [])];
  const [x0, x1] = bounds(range ?? points.map(([x]) => x));
  const [y0, y1] = bounds(ys);
  const xAt = (x: number): number =>
    MARGIN.left + ((x - x0) / (x1 - x0)) * (WIDTH - MARGIN.left - MARGIN.right);
  const yAt = (y: number): number =>
    HEIGHT - MARGIN.bottom - ((toScale(y) - y0) / (y1 - y0)) * (HEIGHT - MARGIN.top - MARGIN.bottom);

  const grid = ticks(y0, y1).map((tick) => {
    const value = logarithmic ? 10 ** tick : tick;
    const y = yAt(value).toFixed(1);
    const label = `<text x="${MARGIN.left - 6}" y="${y}" dy="4" text-anchor="end">${short(value)}</text>`;
    return horizontal('grid', y) + label;
  });
  const below = ticks(x0, x1).map(
    (tick) =>
      `<text x="${xAt(tick).toFixed(1)}" y="${HEIGHT - 8}" text-anchor="middle">${short(tick)}</text>`,
  );
  const labels = spreadLabels(
    lines.flatMap((line) => {
      const last = line.points.at(-1);
      return last && line.name !== '' ? [{ name: line.name, y: yAt(last[1]) }] : [];
    }),
  );
  const drawn = lines.map((line, i) => {
    const path = line.points
      .filter(([, y]) => !logarithmic || y > 0)
      .map(([x, y]) => `${xAt(x).toFixed(1)},${yAt(y).toFixed(1)}`)
      .join(' ');
    const label = labels.find(({ name }) => name === line.name);
    const colour = `c${(line.colour ?? i) % 8}`;
    const text = label
      ? `<text class="${colour} name" x="${WIDTH - MARGIN.right + 6}" y="${label.y.toFixed(1)}" dy="4">${escapeHtml(line.name)}</text>`
      : '';
    const tooltip = `<title>${escapeHtml(line.name)}</title>`;
    const marks = line.hasMarks
      ? path.split(' ').map((point) => {
          const [x, y] = point.split(',');
          return `<circle class="${colour}" cx="${x}" cy="${y}" r="4">${tooltip}</circle>`;
        })
      : [];
    return `<polyline class="${colour}" points="${path}">${tooltip}</polyline>${marks.join('')}${text}`;
  });
  const marked = mark
    ? horizontal('mark', yAt(mark.value).toFixed(1)) +
      `<text x="${MARGIN.left + 4}" y="${(yAt(mark.value) - 4).toFixed(1)}">${escapeHtml(mark.label)}</text>`
    : '';
  return (
    `<figure><figcaption><b>${escapeHtml(title)}</b> <span>${escapeHtml(unit)}</span></figcaption>` +
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">` +
    `${grid.join('')}${below.join('')}${marked}${drawn.join('')}</svg></figure>`
  );
}

/** Smallest and largest, never equal. */
function bounds(values: readonly number[]): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

/** Three to six round numbers between two others. */
function ticks(low: number, high: number): number[] {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) as number;
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, i) => (first + i) * step);
}

/** Labels at the ends of lines, moved apart where they would cover each other. */
function spreadLabels(labels: readonly { name: string; y: number }[]): { name: string; y: number }[] {
  const sorted = labels.map((label) => ({ ...label })).sort((a, b) => a.y - b.y);
  for (let i = 1; i < sorted.length; i++) sorted[i].y = Math.max(sorted[i].y, sorted[i - 1].y + 13);
  const over = (sorted.at(-1)?.y ?? 0) - (HEIGHT - MARGIN.bottom);
  return over > 0 ? sorted.map((label) => ({ ...label, y: label.y - over })) : sorted;
}

/** `12.5M`, `0.0003`. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${Number((value / 1e9).toPrecision(3))}B`;
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}K`;
  return size !== 0 && size < 1e-3
    ? Number(value.toPrecision(2)).toExponential()
    : String(Number(value.toPrecision(3)));
}

export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replaceAll(/[&<>"]/g, (char) => names[char]);
}

/** A line across the chart. */
function horizontal(className: string, y: string): string {
  return `<line class="${className}" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y}" y2="${y}"/>`;
}
