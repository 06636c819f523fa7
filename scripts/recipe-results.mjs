/** Table and chart of what a search for storage types gains, from bench/results/recipe.csv. */
import { readCsv, table } from './results-rows.mjs';

/**
 * @typedef {import('./results-rows.mjs').Row} Row
 * @typedef {{ name: string, predicted: string, bits: number, kl: number }} Point
 */

/** @type {Record<string, string>} */
const MODELS = {
  'moe-51m-1.6m': '51M parameters, 1.6M tokens',
  'moe-51m': '51M parameters, 0.8M tokens',
  mini: 'mini (from q8_0)',
};

const WIDTH = 760;
const HEIGHT = 320;
const MARGIN = { top: 30, right: 20, bottom: 44, left: 62 };
const STYLE = `
  text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
  .muted { fill: #59636e; } .grid { stroke: #d1d9e0; } polyline { fill: none; stroke-width: 2; }
  .ours { stroke: #0969da; fill: #0969da; } .errors { stroke: #bf8700; fill: #bf8700; } .mix { fill: #818b98; stroke: #818b98; }
  polyline.ours, polyline.errors, polyline.mix { fill: none; } text.ours, text.errors, text.mix { stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .muted { fill: #9198a1; } .grid { stroke: #3d444d; } .ours { stroke: #4493f8; fill: #4493f8; }
    .errors { stroke: #d29922; fill: #d29922; }
  }`;

/** @param {string} model @param {string} what */
function pointsOf(model, what) {
  return readCsv('recipe.csv')
    .filter((row) => row.model === model && row.what === what)
    .map(({ name, predicted, bitsPerWeight, kl }) => ({
      ...{ name, predicted },
      bits: Number(bitsPerWeight),
      kl: Number(kl),
    }))
    .filter(({ kl }) => kl > 0)
    .sort((a, b) => a.bits - b.bits);
}

/**
 * The best that a mix of named mixes could be: the lower convex hull of ln KL over size.
 * @param {Point[]} mixes
 * @param {number} bits
 */
function envelope(mixes, bits) {
  const hull = hullOf(mixes);
  const next = hull.findIndex((point) => point.bits >= bits);
  if (next <= 0) return next === 0 && hull[0].bits === bits ? hull[0].kl : undefined;
  const [a, b] = [hull[next - 1], hull[next]];
  const share = (bits - a.bits) / (b.bits - a.bits);
  return Math.exp(Math.log(a.kl) * (1 - share) + Math.log(b.kl) * share);
}

/** @param {Point[]} points */
function hullOf(points) {
  /** @type {Point[]} */
  const hull = [];
  for (const point of points) {
    for (;;) {
      const [a, b] = [hull.at(-2), hull.at(-1)];
      if (!a || !b) break;
      const slope = Math.log(point.kl / a.kl) / (point.bits - a.bits);
      if (Math.log(b.kl) < Math.log(a.kl) + slope * (b.bits - a.bits)) break;
      hull.pop();
    }
    hull.push(point);
  }
  return hull;
}

/** Rows of the table: each size of each model. */
export function recipeTable() {
  const rows = Object.entries(MODELS).flatMap(([model, title]) => {
    const mixes = pointsOf(model, 'mix');
    const plain = new Map(pointsOf(model, 'weight-error').map((row) => [row.name, row.kl]));
    return pointsOf(model, 'recipe').map((row) => {
      const mix = envelope(mixes, row.bits);
      const errors = plain.get(row.name);
      const predicted = Number(row.predicted);
      return [
        title,
        row.bits.toFixed(2),
        nats(row.kl),
        mix === undefined ? nearest(mixes, row) : `${nats(mix)} (${change(row.kl, mix)})`,
        errors === undefined ? '' : `${nats(errors)} (${change(row.kl, errors)})`,
        change(predicted, row.kl),
      ];
    });
  });
  const head = ['Model', 'Bits per weight', 'Recipe', 'Named mixes', 'By errors of outputs', 'Prediction'];
  return table(head, rows);
}

/**
 * Where no mix is so small, the smallest.
 * @param {Point[]} mixes
 * @param {Point} row
 */
function nearest(mixes, row) {
  const [larger] = mixes.filter(({ bits }) => bits > row.bits);
  return larger && `${nats(larger.kl)} at ${larger.bits.toFixed(2)} bits (${change(row.kl, larger.kl)})`;
}

/** What the search takes. */
export function recipeCost() {
  const rows = Object.keys(MODELS).flatMap((model) => {
    const all = readCsv('recipe.csv').filter((row) => row.model === model);
    const direct = all.filter(({ what }) => what === 'direct').at(-1);
    if (!direct) return [];
    const phase = (/** @type {string} */ name) =>
      Number(all.filter((row) => row.what === 'seconds' && row.name === name).at(-1)?.seconds ?? 0);
    const searches = all.filter(({ what }) => what === 'recipe').map(({ seconds }) => Number(seconds));
    const parts = ['gradients', 'rerouting', 'encoding'].map(phase);
    const search = searches.sort((a, b) => a - b)[searches.length >> 1] ?? 0;
    const total = parts.reduce((a, b) => a + b, 0) + search;
    const all1 = Number(direct.candidates) * Number(direct.candidateSeconds);
    return [
      [
        MODELS[model],
        ...[...parts, search, total].map((value) => `${value.toFixed(0)} s`),
        `${direct.candidates} × ${Number(direct.candidateSeconds).toFixed(1)} s`,
        `1/${(all1 / total).toFixed(0)}`,
      ],
    ];
  });
  const head = [
    ...['Model', 'Gradients', 'Rerouting', 'Encoding', 'Rounds', 'Together'],
    ...['Each type of each tensor', 'Ratio'],
  ];
  return table(head, rows);
}

/** How well single tensors are predicted: a line for each layer of mini, all its tensors together. */
export function recipeTensors() {
  const rows = readCsv('recipe.csv').filter(({ what }) => what === 'tensor');
  const groups = new Map();
  for (const row of rows) {
    const layer = /^blk\.(\d+)\./.exec(row.name)?.[1];
    const key = layer === undefined ? row.name : `layer ${layer}`;
    const known = groups.get(key) ?? { count: 0, kl: 0, gradients: 0, predicted: 0 };
    known.count++;
    for (const part of /** @type {const} */ (['kl', 'gradients', 'predicted']))
      known[part] += Number(row[part]);
    groups.set(key, known);
  }
  return table(
    [
      'Tensors of mini as q5_0, one at a time',
      'Number',
      'Measured',
      'Likelihood alone',
      'With changed choices',
    ],
    [...groups].map(([name, { count, kl, gradients, predicted }]) => [
      name,
      String(count),
      nats(kl),
      `${nats(gradients)} (${(gradients / kl).toFixed(2)} ×)`,
      `${nats(predicted)} (${(predicted / kl).toFixed(2)} ×)`,
    ]),
  );
}

/** @param {number} value */
function nats(value) {
  return value >= 0.01 ? value.toFixed(3) : value.toPrecision(3);
}

/** @param {number} value @param {number} of */
function change(value, of) {
  const percent = 100 * (value / of - 1);
  return `${percent < 0 ? '−' : '+'}${Math.abs(percent).toFixed(0)} %`;
}

/** KL over size of the larger model, both axes logarithmic in KL. */
export function recipeChart() {
  const model = Object.keys(MODELS).find((name) => pointsOf(name, 'recipe').length > 0) ?? 'mini';
  const mixes = pointsOf(model, 'mix');
  const ours = pointsOf(model, 'recipe');
  const errors = pointsOf(model, 'weight-error');
  const all = [...mixes, ...ours, ...errors];
  const [x0, x1] = [
    Math.floor(Math.min(...all.map(({ bits }) => bits))),
    Math.ceil(Math.max(...all.map(({ bits }) => bits))),
  ];
  const logs = all.map(({ kl }) => Math.log10(kl));
  const [y0, y1] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
  const x = (/** @type {number} */ bits) =>
    (MARGIN.left + ((bits - x0) / (x1 - x0)) * (WIDTH - MARGIN.left - MARGIN.right)).toFixed(1);
  const y = (/** @type {number} */ kl) =>
    (
      HEIGHT -
      MARGIN.bottom -
      ((Math.log10(kl) - y0) / (y1 - y0)) * (HEIGHT - MARGIN.top - MARGIN.bottom)
    ).toFixed(1);
  const grid = Array.from({ length: y1 - y0 + 1 }, (_, i) => 10 ** (y0 + i)).map(
    (kl) =>
      `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(kl)}" y2="${y(kl)}"/>` +
      `<text class="muted" x="${MARGIN.left - 8}" y="${y(kl)}" dy="4" text-anchor="end">${Number(kl.toPrecision(1))}</text>`,
  );
  const ticks = Array.from({ length: x1 - x0 + 1 }, (_, i) => x0 + i).map(
    (bits) => `<text class="muted" x="${x(bits)}" y="${HEIGHT - 24}" text-anchor="middle">${bits}</text>`,
  );
  const line = (/** @type {Point[]} */ points, /** @type {string} */ name) =>
    `<polyline class="${name}" points="${points.map(({ bits, kl }) => `${x(bits)},${y(kl)}`).join(' ')}"/>` +
    points.map(({ bits, kl }) => `<circle class="${name}" cx="${x(bits)}" cy="${y(kl)}" r="4"/>`).join('');
  const dots = mixes.map(
    (row) =>
      `<circle class="mix" cx="${x(row.bits)}" cy="${y(row.kl)}" r="3"><title>${row.name}</title></circle>`,
  );
  const hull = `<polyline class="mix" stroke-dasharray="4 4" points="${hullOf(mixes)
    .map(({ bits, kl }) => `${x(bits)},${y(kl)}`)
    .join(' ')}"/>`;
  const legend = [
    ['mix', 'named mixes with an importance matrix'],
    ['errors', 'our solver on errors of outputs'],
    ['ours', 'recipe by gradients'],
  ].map(
    ([name, text], i) =>
      `<circle class="${name}" cx="${WIDTH - 270}" cy="${MARGIN.top + 8 + 18 * i}" r="4"/>` +
      `<text x="${WIDTH - 258}" y="${MARGIN.top + 12 + 18 * i}">${text}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="KL divergence over size">
<style>${STYLE}
</style>
<text x="${MARGIN.left}" y="16">KL divergence from the original, nats per token, ${MODELS[model]}</text>
${[...grid, ...ticks, hull, ...dots, line(errors, 'errors'), line(ours, 'ours'), ...legend].join('\n')}
<text class="muted" x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">bits per weight</text>
</svg>
`;
}
