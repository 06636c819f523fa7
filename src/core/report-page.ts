import { escapeHtml } from './line-chart.ts';

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
circle.c0 { fill: #2563eb } circle.c1 { fill: #ea580c } circle.c2 { fill: #16a34a } circle.c3 { fill: #9333ea }
circle.c4 { fill: #0891b2 } circle.c5 { fill: #db2777 } circle.c6 { fill: #ca8a04 } circle.c7 { fill: #64748b }
table { border-collapse: collapse; }
th, td { padding: 2px 10px 2px 0; text-align: right; font-variant-numeric: tabular-nums; font-weight: 400; }
th:first-child { text-align: left; } .charts { margin-top: 1.5rem; }
.fields td { text-align: left; }
.heat { overflow-x: auto; } .heat td { width: 18px; min-width: 18px; height: 18px; padding: 0; border: 1px solid var(--bg); }
.heat th { color: var(--dim); white-space: nowrap; }
`;

/** One page that needs nothing else: no script, no font, no picture from outside. `body` is HTML. */
export function reportPage(title: string, body: string): string {
  return (
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    `<title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body>` +
    `<h1>${escapeHtml(title)}</h1>${body}</body></html>\n`
  );
}
