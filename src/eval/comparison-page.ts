import { escapeHtml, lineChart } from '../core/line-chart.ts';
import { reportPage } from '../core/report-page.ts';
import { formatBytes, formatCount } from '../core/units.ts';
import type { DivergenceSummary, Interval } from './divergence.ts';

/** One model of a comparison; the base comes first and has no divergence. */
export interface ComparedModel extends DivergenceSummary {
  readonly name: string;
  readonly bytes: number;
  readonly bitsPerWeight: number;
  readonly bytesPerToken: number;
  /** Positions that suffered most, with their text. */
  readonly worst: readonly { readonly kl: number; readonly before: string; readonly next: string }[];
  readonly worstTensors: readonly {
    readonly name: string;
    readonly type: string;
    readonly error: number;
  }[];
}

/** Columns of a comparison, as the table in the terminal and the page have them. */
export const COMPARISON_HEAD: readonly string[] = [
  'model',
  'size',
  'bits/weight',
  'per token',
  'perplexity',
  'mean KL',
  '95 %',
  'median',
  'p99',
  'max',
  'same top',
];

/** The base has no divergence from itself. */
export function comparisonRow(
  { name, bytes, bitsPerWeight, bytesPerToken, perplexity, kl, sameTop }: ComparedModel,
  isBase: boolean,
): string[] {
  const divergence = [
    digits(kl.value),
    `${digits(kl.low)}–${digits(kl.high)}`,
    digits(kl.median),
    digits(kl.p99),
    digits(kl.max),
    `${(100 * sameTop.value).toFixed(2)} %`,
  ];
  return [
    name,
    formatBytes(bytes),
    bitsPerWeight.toFixed(3),
    formatBytes(bytesPerToken),
    perplexity.toFixed(4),
    ...(isBase ? divergence.map(() => '') : divergence),
  ];
}

/** Table, KL divergence over size, and what suffered most, as one page that needs nothing else. */
export function comparisonPage(
  models: readonly ComparedModel[],
  pairs: readonly { readonly a: string; readonly b: string; readonly difference: Interval }[],
): string {
  const [base, ...others] = models;
  const bySize = [...others].sort((a, b) => a.bytes - b.bytes).filter(({ kl }) => kl.value > 0);
  const chart = (title: string, sizeOf: (model: ComparedModel) => number): string =>
    lineChart({
      title,
      unit: 'mean KL divergence in nats, logarithmic',
      logarithmic: true,
      lines: [
        { name: '', colour: 7, points: bySize.map((model) => [sizeOf(model), model.kl.value] as const) },
        ...bySize.map((model, i) => ({
          name: shortName(model.name),
          colour: i % 7,
          points: [[sizeOf(model), model.kl.value] as const],
          hasMarks: true,
        })),
      ],
    });
  const rows = models.map((model) => rowOf(model, model === base));
  const differences = pairs.map(
    ({ a, b, difference: { value, low, high } }) =>
      `<li>${escapeHtml(shortName(a))} less ${escapeHtml(shortName(b))}: ${digits(value)} (${digits(low)} to ${digits(high)})</li>`,
  );
  return reportPage(
    `${shortName(base.name)}, quantised`,
    `<p>${formatCount(base.tokens)} tokens; KL in nats; intervals of 95 % from drawing blocks of 64 tokens.</p>` +
      `<table><tr>${COMPARISON_HEAD.map((cell) => `<th>${cell}</th>`).join('')}</tr>${rows.join('')}</table>` +
      `<div class="charts">${chart('KL over bytes of the file', ({ bytes }) => bytes)}` +
      `${chart('KL over bytes that a token reads', ({ bytesPerToken }) => bytesPerToken)}</div>` +
      (differences.length > 0 ? `<h2>Mean KL, pair by pair</h2><ul>${differences.join('')}</ul>` : '') +
      others.map(suffered).join(''),
  );
}

function rowOf(model: ComparedModel, isBase: boolean): string {
  const [name, ...cells] = comparisonRow(model, isBase);
  return `<tr><th>${escapeHtml(shortName(name))}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

function suffered({ name, worst, worstTensors }: ComparedModel): string {
  const positions = worst.map(
    ({ kl, before, next }) =>
      `<tr><th>${digits(kl)}</th><td>${escapeHtml(before)} <b>${escapeHtml(next)}</b></td></tr>`,
  );
  const tensors = worstTensors.map(
    ({ name: tensor, type, error }) =>
      `<tr><th>${escapeHtml(tensor)}</th><td>${type}</td><td>${(100 * error).toFixed(2)} %</td></tr>`,
  );
  return (
    (positions.length > 0
      ? `<h2>${escapeHtml(shortName(name))}: positions with the largest KL</h2><table class="fields">${positions.join('')}</table>`
      : '') +
    (tensors.length > 0
      ? `<h2>${escapeHtml(shortName(name))}: tensors with the largest error</h2><table class="fields">${tensors.join('')}</table>`
      : '')
  );
}

const digits = (value: number): string => String(Number(value.toPrecision(3)));

function shortName(path: string): string {
  return path.replace(/^.*[\\/](?=.)/s, '');
}
