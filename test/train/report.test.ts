import { describe, expect, it } from 'vitest';
import { lineChart } from '../../src/core/line-chart.ts';
import { trainingReport } from '../../src/train/report.ts';

const layer = {
  layer: 1,
  maxViolation: 0.4,
  entropy: 0.9,
  numDead: 0,
  biasDrift: 0.01,
  biasSpread: 0.005,
  load: [0.75, 0.25, 0, 0],
};
const step = (tokens: number, loss: number) => ({
  type: 'step',
  step: tokens / 100,
  ...{ tokens, loss, balanceLoss: 0.1, gradientNorm: 1, learningRate: 1e-3, tokensPerSecond: 500 },
  layers: [layer],
});

describe('trainingReport()', () => {
  const records = [
    { type: 'start', step: 0, totalTokens: 1000, storeBytes: 1e6, workingBytes: 1e6 },
    step(100, 3),
    step(200, 2.5),
    {
      type: 'validation',
      step: 2,
      tokens: 200,
      sets: { '<en>': { loss: 2.25, bitsPerByte: 1.5, tokens: 9 } },
    },
  ];

  it('shows the progress of the run and the load of each expert', () => {
    const page = trainingReport('a & b', records);
    expect(page).toContain('<title>a &amp; b</title>');
    expect(page).toContain('200 of 1,000');
    expect(page).toContain('2.2500, 1.5000 bits per byte');
    expect(page).toContain('layer 1, expert 0: 3.00 × the mean');
    expect(page.match(/<td style/g)).toHaveLength(4);
  });

  it('a set has one colour in all charts, which begin and end at the same tokens', () => {
    const later = records.map((record) =>
      record.type === 'validation' ? { ...record, tokens: 150 } : record,
    );
    const more = [
      ...later,
      { ...later.at(-1), type: 'validation', step: 2, tokens: 200 } as (typeof later)[0],
    ];
    const page = trainingReport('run', more);
    const figures = page.split('<figure>').slice(1);
    const inLoss = /class="(c\d)" points="([^"]*)"><title>&lt;en&gt;/.exec(figures[0]);
    const inBits = /class="(c\d)" points="([^"]*)"><title>&lt;en&gt;/.exec(figures[1]);
    expect(inBits?.[1]).toBe(inLoss?.[1]);
    expect(inLoss?.[1]).not.toBe(/class="(c\d)" points="[^"]*"><title>training/.exec(figures[0])?.[1]);
    const across = (points: string | undefined) => points?.split(' ').map((point) => point.split(',')[0]);
    expect(across(inBits?.[2])).toEqual(across(inLoss?.[2]));
    // 100 of 200 tokens are in the middle of every chart.
    for (const figure of figures) expect(figure).toMatch(/points="260\.0,|points="362\.0,/);
  });

  it('has every field of the run, and none that could break the page', () => {
    const run = { out: 'runs/a', learningRate: { peak: 0.001 }, data: { mix: [{ shards: ['<a>.tok'] }] } };
    const page = trainingReport('run', records, run);
    expect(page).toContain('<tr><th>learningRate.peak</th><td>0.001</td></tr>');
    expect(page).toContain(
      '<tr><th>data.mix</th><td>[{&quot;shards&quot;:[&quot;&lt;a&gt;.tok&quot;]}]</td></tr>',
    );
    expect(trainingReport('run', records)).not.toContain('Fields of the run');
  });

  it('draws logs of earlier versions, which lack the spread of the biases', () => {
    const { biasSpread: _, ...earlier } = layer;
    const older = records.map((record) =>
      record.type === 'step' ? { ...record, layers: [earlier] } : record,
    );
    expect(trainingReport('run', records)).toContain('Spread of the correction bias');
    expect(trainingReport('run', older)).not.toContain('Spread of the correction bias');
  });

  it('names of sets cannot break the page', () => {
    const page = trainingReport('run', records);
    expect(page).not.toContain('<en>');
    expect(page).toContain('&lt;en&gt;');
  });

  it('a run without a step yet has a page too', () => {
    expect(trainingReport('new', records.slice(0, 1))).toContain('No step is logged yet');
  });
});

describe('lineChart()', () => {
  it('goes from the lower left to the upper right for what rises', () => {
    const svg = lineChart({
      title: 't',
      unit: 'u',
      lines: [
        {
          name: 'a',
          points: [
            [0, 1],
            [10, 2],
          ],
        },
      ],
    });
    const [[, points]] = [...svg.matchAll(/points="([^"]*)"/g)];
    const [[x0, y0], [x1, y1]] = points.split(' ').map((pair) => pair.split(',').map(Number));
    expect(x1).toBeGreaterThan(x0);
    expect(y1).toBeLessThan(y0);
  });

  it('draws one point, equal values and zeros of a logarithmic axis without NaN', () => {
    for (const points of [
      [[5, 5]],
      [
        [0, 3],
        [1, 3],
      ],
      [
        [0, 0],
        [1, 1],
      ],
    ] as [number, number][][]) {
      for (const logarithmic of [false, true]) {
        const svg = lineChart({ title: 't', unit: '', lines: [{ name: 'a', points }], logarithmic });
        expect(svg).toContain('points="');
        expect(svg).not.toContain('NaN');
      }
    }
    expect(lineChart({ title: 't', unit: '', lines: [] })).toBe('');
  });
});
