// Draws the logs of runs that go on from one another as one SVG: training loss, held-out bits per byte, loads, learning rate.
// node examples/runs/mini/make-curves.mjs LOG.jsonl… OUT.svg
import { readFileSync, writeFileSync } from 'node:fs';

const logs = process.argv.slice(2);
const to = logs.pop();
if (to === undefined) throw new Error('give logs and the file to draw');
/** @typedef {[x: number, y: number]} Point */
/**
 * A line of a log, by its `type`; the fields that are drawn.
 * @type {{
 *   type: string, tokens: number, loss: number, learningRate: number, layers: { maxViolation: number }[],
 *   sets: Record<string, { bitsPerByte: number }>,
 * }[]}
 */
const records = [];
for (const log of logs) {
  /** @type {number} */
  const before = records.at(-1)?.tokens ?? 0;
  for (const line of readFileSync(log, 'utf8').trim().split('\n')) {
    const record = JSON.parse(line);
    if (record.tokens !== undefined) records.push({ ...record, tokens: before + record.tokens });
  }
}
const steps = records.filter(({ type }) => type === 'step');
const validations = records.filter(({ type }) => type === 'validation');

const WIDTH = 720;
const PANEL = { height: 190, left: 56, right: 16, top: 28, gap: 46 };
const maxTokens = steps[steps.length - 1].tokens;
/** @param {number} tokens */
const x = (tokens) => PANEL.left + (tokens / maxTokens) * (WIDTH - PANEL.left - PANEL.right);

/**
 * @param {number} index
 * @param {string} title
 * @param {{ name: string, color: string, points: Point[] }[]} lines
 * @param {number} digits
 */
function panel(index, title, lines, digits) {
  const top = PANEL.top + index * (PANEL.height + PANEL.gap);
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value));
  const low = Math.min(...values);
  const high = Math.max(...values);
  const y = (/** @type {number} */ value) =>
    top + PANEL.height - ((value - low) / (high - low || 1)) * PANEL.height;
  const ticks = Array.from({ length: 5 }, (_, i) => low + ((high - low) * i) / 4);
  const grid = ticks.map(
    (value) =>
      `<path d="M${PANEL.left} ${y(value).toFixed(1)}H${WIDTH - PANEL.right}" stroke="#ddd"/>` +
      `<text x="${PANEL.left - 6}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${value.toFixed(digits)}</text>`,
  );
  const curves = lines.map(({ points, color, name }, i) => {
    const path = points.map(
      ([tokens, value], k) => `${k ? 'L' : 'M'}${x(tokens).toFixed(1)} ${y(value).toFixed(1)}`,
    );
    return (
      `<path d="${path.join('')}" fill="none" stroke="${color}" stroke-width="1.5"/>` +
      `<text x="${WIDTH - PANEL.right - 8}" y="${top + 14 + 15 * i}" text-anchor="end" fill="${color}">${name}</text>`
    );
  });
  return `<text x="${PANEL.left}" y="${top - 10}" font-weight="bold">${title}</text>${grid.join('')}${curves.join('')}`;
}

/**
 * @param {string} name
 * @returns {Point[]}
 */
const named = (name) => validations.map((record) => [record.tokens, record.sets[name].bitsPerByte]);
const panels = [
  panel(
    0,
    'Training loss, nats a token',
    [{ name: 'loss', color: '#2563eb', points: steps.map((r) => [r.tokens, r.loss]) }],
    2,
  ),
  panel(
    1,
    'Held-out bits per byte',
    [
      { name: 'English', color: '#b45309', points: named('en') },
      { name: 'Chinese', color: '#15803d', points: named('zh') },
    ],
    2,
  ),
  panel(
    2,
    'Largest expert load / mean − 1, mean of layers',
    [
      {
        name: 'max violation',
        color: '#7c3aed',
        points: steps.map((r) => [
          r.tokens,
          r.layers.reduce((s, l) => s + l.maxViolation, 0) / r.layers.length,
        ]),
      },
    ],
    2,
  ),
  panel(
    3,
    'Learning rate',
    [{ name: 'rate', color: '#475569', points: steps.map((r) => [r.tokens, r.learningRate]) }],
    4,
  ),
];
const height = PANEL.top + panels.length * (PANEL.height + PANEL.gap);
const axis = [0, 0.25, 0.5, 0.75, 1]
  .map(
    (share) =>
      `<text x="${x(share * maxTokens)}" y="${height - 14}" text-anchor="middle">${((share * maxTokens) / 1e6).toFixed(1)}M</text>`,
  )
  .join('');
writeFileSync(
  to,
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11" fill="#333"><title>Curves of a training run</title>` +
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>${panels.join('')}${axis}</svg>\n`,
);
