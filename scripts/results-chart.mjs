/** README's chart: one panel of bars for each measurement, drawn for light and dark pages. */
import { headlines } from './results-blocks.mjs';
import { figure } from './results-rows.mjs';

const COLUMNS = 2;
const PANEL = { width: 380, gap: 20 };
const BAR = { height: 16, pitch: 21, left: 156, right: 56 };
const TITLE_HEIGHT = 26;
const STYLE = `
  text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
  .title { font-weight: 600; } .unit { font-weight: 400; } .unit, .who { fill: #59636e; }
  .peer { fill: #afb8c1; } .ours { fill: #0969da; } .who.own { fill: #1f2328; font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    text, .who.own { fill: #f0f6fc; } .unit, .who { fill: #9198a1; } .peer { fill: #656c76; } .ours { fill: #4493f8; }
  }`;

export function speedChart() {
  const panels = headlines();
  const rows = Array.from({ length: Math.ceil(panels.length / COLUMNS) }, (_, i) =>
    panels.slice(i * COLUMNS, (i + 1) * COLUMNS),
  );
  let top = 0;
  /** @type {string[]} */
  const parts = [];
  for (const row of rows) {
    row.forEach((panel, i) => {
      parts.push(`<g transform="translate(${i * (PANEL.width + PANEL.gap)} ${top})">${drawPanel(panel)}</g>`);
    });
    top += TITLE_HEIGHT + Math.max(...row.map(({ values }) => values.size)) * BAR.pitch + PANEL.gap;
  }
  const width = COLUMNS * PANEL.width + (COLUMNS - 1) * PANEL.gap;
  const height = top - PANEL.gap;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="Speed of dots.ts and its peers">
<style>${STYLE}
</style>
${parts.join('\n')}
</svg>
`;
}

/** @param {import('./results-blocks.mjs').Headline} headline */
function drawPanel({ title, unit, values }) {
  const longest = Math.max(...values.values());
  const scale = (PANEL.width - BAR.left - BAR.right) / longest;
  const note = unit === 'ms' ? 'ms, lower is better' : unit;
  const bars = [...values].map(([who, value], i) => {
    const y = TITLE_HEIGHT + i * BAR.pitch;
    const isOurs = who === 'dots.ts';
    const end = BAR.left + value * scale;
    return [
      `<text class="who${isOurs ? ' own' : ''}" x="${BAR.left - 8}" y="${y + 12}" text-anchor="end">${who}</text>`,
      `<rect class="${isOurs ? 'ours' : 'peer'}" x="${BAR.left}" y="${y}" width="${(value * scale).toFixed(1)}" height="${BAR.height}" rx="2"/>`,
      `<text x="${(end + 6).toFixed(1)}" y="${y + 12}">${figure(value)}</text>`,
    ].join('');
  });
  return `<text class="title" x="0" y="14">${title} <tspan class="unit">(${note})</tspan></text>${bars.join('')}`;
}
