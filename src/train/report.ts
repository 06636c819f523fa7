import { type ChartOptions, escapeHtml, type Line, lineChart } from '../core/line-chart.ts';
import { reportPage } from '../core/report-page.ts';
import { formatBytes, formatCount } from '../core/units.ts';
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
  return reportPage(
    title,
    `${summary(records, steps, validations)}<p>Tokens from left to right.</p>` +
      `<div class="charts">${charts.join('')}</div>${heatMap(steps.at(-1))}${parameters(run)}`,
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
