import { formatBytes, formatCount } from '../core/units.ts';
import { type ChartOptions, escapeHtml, type Line, lineChart } from './line-chart.ts';
import { flattened } from './run-changes.ts';
import type { LogRecord } from './run-folder.ts';
import type { SetResult } from './validation.ts';

interface StepRecord extends LogRecord {
  readonly tokens: number;
  readonly loss: number;
  readonly balanceLoss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
  readonly tokensPerSecond: number;
  readonly layers: readonly LayerRecord[];
}

interface LayerRecord {
  readonly layer: number;
  readonly maxViolation: number;
  readonly entropy: number;
  readonly numDead: number;
  /** Absent where nothing balances the router; the spread also in logs of earlier versions. */
  readonly biasDrift?: number;
  readonly biasSpread?: number;
  readonly load: readonly number[];
}

interface ValidationRecord extends LogRecord {
  readonly tokens: number;
  readonly sets: Readonly<Record<string, SetResult>>;
}

const STYLE = `
:root { color-scheme: light dark; --fg: #1c2430; --dim: #667085; --bg: #fff; --line: #e4e7ec; --heat: 37 99 235; }
@media (prefers-color-scheme: dark) { :root { --fg: #e6e9ef; --dim: #98a2b3; --bg: #14171c; --line: #2b313a; --heat: 96 165 250; } }
body { font: 14px/1.5 system-ui, sans-serif; color: var(--fg); background: var(--bg); }
body { margin: 2rem auto; max-width: 1180px; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 1rem 2rem; }
figure { margin: 0; } figcaption span { color: var(--dim); } svg { width: 100%; height: auto; }
svg text { font-size: 11px; fill: var(--dim); } svg text.name { font-weight: 600; }
polyline { fill: none; stroke-width: 1.6; } .grid { stroke: var(--line); } .mark { stroke: var(--dim); stroke-dasharray: 4 3; }
polyline.c0 { stroke: #2563eb } text.c0 { fill: #2563eb } polyline.c1 { stroke: #ea580c } text.c1 { fill: #ea580c }
polyline.c2 { stroke: #16a34a } text.c2 { fill: #16a34a } polyline.c3 { stroke: #9333ea } text.c3 { fill: #9333ea }
polyline.c4 { stroke: #0891b2 } text.c4 { fill: #0891b2 } polyline.c5 { stroke: #db2777 } text.c5 { fill: #db2777 }
polyline.c6 { stroke: #ca8a04 } text.c6 { fill: #ca8a04 } polyline.c7 { stroke: #64748b } text.c7 { fill: #64748b }
table { border-collapse: collapse; }
th, td { padding: 2px 10px 2px 0; text-align: right; font-variant-numeric: tabular-nums; font-weight: 400; }
th:first-child { text-align: left; } .charts { margin-top: 1.5rem; }
.fields td { text-align: left; }
.heat { overflow-x: auto; } .heat td { width: 18px; min-width: 18px; height: 18px; padding: 0; border: 1px solid var(--bg); }
.heat th { color: var(--dim); white-space: nowrap; }
`;

/**
 * A run's log as one page that needs nothing else: no script, no font, no picture from outside. `run` is the file of the run,
 * as it was started last.
 */
export function trainingReport(title: string, records: readonly LogRecord[], run?: unknown): string {
  const steps = records.filter((one): one is StepRecord => one.type === 'step');
  const validations = records.filter((one): one is ValidationRecord => one.type === 'validation');
  const series = (name: string, of: (record: StepRecord) => number): Line => ({
    name,
    points: steps.map((record) => [record.tokens, of(record)] as const),
  });
  const perSet = (of: (result: SetResult) => number | undefined): Line[] => {
    const names = [...new Set(validations.flatMap(({ sets }) => Object.keys(sets)))];
    return names.map((name, i) => ({
      name,
      // The first colour is that of training; a set has the same one in every chart.
      colour: i + 1,
      points: validations.flatMap(({ tokens, sets }) => {
        const value = sets[name] && of(sets[name]);
        return value === undefined ? [] : [[tokens, value] as const];
      }),
    }));
  };
  const layers = steps.at(-1)?.layers ?? [];
  const perLayer = (of: (layer: LayerRecord) => number | undefined): Line[] =>
    layers.map(({ layer }, i) => ({
      name: `layer ${layer}`,
      points: steps.flatMap(({ tokens, layers: all }) => {
        const value = of(all[i]);
        return value === undefined ? [] : [[tokens, value] as const];
      }),
    }));
  // All charts from the first token to the last one, so that they can be compared.
  const range = [0, Math.max(1, steps.at(-1)?.tokens ?? 0, validations.at(-1)?.tokens ?? 0)] as const;
  const options: ChartOptions[] = [
    {
      title: 'Loss',
      unit: 'nats per token',
      lines: [series('training', ({ loss }) => loss), ...perSet(({ loss }) => loss)],
    },
    {
      title: 'Held-out text',
      unit: 'bits per byte',
      lines: perSet(({ bitsPerByte }) => bitsPerByte),
    },
    {
      title: 'Learning rate',
      unit: '',
      lines: [series('rate', ({ learningRate }) => learningRate)],
    },
    {
      title: 'Gradient norm',
      unit: 'before clipping, logarithmic',
      lines: [series('norm', ({ gradientNorm }) => gradientNorm)],
      logarithmic: true,
    },
    {
      title: 'Speed',
      unit: 'tokens per second',
      lines: [series('tokens/s', ({ tokensPerSecond }) => tokensPerSecond)],
    },
    {
      title: 'Largest load of an expert',
      unit: 'relative to the mean, minus 1',
      lines: perLayer(({ maxViolation }) => maxViolation),
      mark: { value: 0.5, label: '0.5' },
    },
    {
      title: 'Evenness of loads',
      unit: 'entropy, 1 is even',
      lines: perLayer(({ entropy }) => entropy),
    },
    { title: 'Largest correction bias', unit: '', lines: perLayer(({ biasDrift }) => biasDrift) },
    {
      title: 'Spread of the correction bias',
      unit: "largest distance from its layer's mean",
      lines: perLayer(({ biasSpread }) => biasSpread),
    },
  ];
  const charts = options.map((one) => lineChart({ ...one, range }));
  return (
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    `<title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body>` +
    `<h1>${escapeHtml(title)}</h1>${summary(records, steps, validations)}<p>Tokens from left to right.</p>` +
    `<div class="charts">${charts.join('')}</div>` +
    `${heatMap(steps.at(-1))}${parameters(run)}</body></html>\n`
  );
}

/** Every field that the run's file has; docs/training.md has the defaults of the others. */
function parameters(run: unknown): string {
  const rows = [...flattened(run)].map(([name, value]) => {
    const shown = value.length > 200 ? `${value.slice(0, 199)}…` : value;
    return `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(shown)}</td></tr>`;
  });
  return rows.length === 0 ? '' : `<h2>Fields of the run</h2><table class="fields">${rows.join('')}</table>`;
}

function summary(
  records: readonly LogRecord[],
  steps: readonly StepRecord[],
  validations: readonly ValidationRecord[],
): string {
  const last = steps.at(-1);
  if (!last) return '<p>No step is logged yet.</p>';
  const start = records.find(({ type }) => type === 'start') as
    | (LogRecord & Record<string, number>)
    | undefined;
  const sets = Object.entries(validations.at(-1)?.sets ?? {});
  const lines = [
    ['steps', formatCount(last.step)],
    ['tokens', `${formatCount(last.tokens)}${start ? ` of ${formatCount(start.totalTokens)}` : ''}`],
    ['loss', last.loss.toFixed(4)],
    ...sets.map(([name, { loss, bitsPerByte }]) => [
      `held-out: ${name}`,
      `${loss.toFixed(4)}${bitsPerByte === undefined ? '' : `, ${bitsPerByte.toFixed(4)} bits per byte`}`,
    ]),
    ['dead experts', String(last.layers.reduce((sum, { numDead }) => sum + numDead, 0))],
    ...(start
      ? [
          [
            'memory',
            `${formatBytes(start.storeBytes)} and ${formatBytes(start.workingBytes)} for a micro-batch`,
          ],
        ]
      : []),
  ];
  const rows = lines.map(
    ([name, value]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  return `<table>${rows.join('')}</table>`;
}

/** Layers down, experts across: the share of tokens, as strong as it is above none; twice the mean is full strength. */
function heatMap(last: StepRecord | undefined): string {
  if (!last || last.layers.length === 0) return '';
  const rows = last.layers.map(({ layer, load }) => {
    const cells = load.map((share, expert) => {
      const times = share * load.length;
      const strength = Math.min(1, times / 2).toFixed(3);
      const title = `layer ${layer}, expert ${expert}: ${times.toFixed(2)} × the mean`;
      return `<td style="background:rgb(var(--heat) / ${strength})" title="${title}"></td>`;
    });
    return `<tr><th>layer ${layer}</th>${cells.join('')}</tr>`;
  });
  return (
    '<h2>Load of the experts, last interval</h2>' +
    '<p>Each square is an expert; half strength is the mean, full strength twice as much.</p>' +
    `<div class="heat"><table>${rows.join('')}</table></div>`
  );
}
