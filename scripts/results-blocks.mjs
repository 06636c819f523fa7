/** The generated blocks of README and docs, by the name that their marker gives. */
import { comparisonRows, figure, newestComparison, readCsv, table } from './results-rows.mjs';

const MACHINES = { 'Intel(R) Xeon(R) Processor': 'Intel Xeon', 'AMD EPYC': 'AMD EPYC' };
const CONFIGS = { 'moe-19m': '19M parameters', 'moe-30m': '30M parameters' };
const CONTENDERS = ['dots.ts', 'llama.cpp', 'ik_llama.cpp', 'ik_llama.cpp, repacked'];
/** What README shows of bench/compare.mjs: model, test, title, unit. */
const HEADLINES = [
  ['3b-q4_k', 'pp512', 'Prefill, 512-token prompt', 'tokens/s'],
  ['3b-q4_k', 'tg128', 'Decode, one sequence', 'tokens/s'],
  ['3b-q4_k', 'tg64x8', 'Decode, 8 sequences at once', 'tokens/s'],
  ['3b-q4_k', 'start', 'Process start to first token', 'ms'],
];

/** What README's table and chart show: a measurement, and the value of each contender in its newest comparison. */
export function headlines() {
  const rows = comparisonRows();
  const inference = HEADLINES.map(([model, test, title, unit]) => ({
    title,
    unit,
    values: valuesOf(comparisonOf(rows, model, test), 'median'),
  }));
  const training = trainings()
    .filter(({ config }) => config === 'moe-30m')
    .map(({ config, machine, comparison }) => ({
      title: `Training, ${CONFIGS[config]}, ${MACHINES[machine]}`,
      unit: 'tokens/s',
      values: valuesOf(comparison, 'tokensPerSecond'),
    }));
  return [...inference, ...training];
}

function comparisonOf(rows, model, test) {
  return newestComparison(rows, (row) => row.model === model && row.test.replace('+repack', '') === test);
}

function valuesOf(comparison, column) {
  return new Map(
    [...comparison]
      .filter(([who]) => !who.startsWith('dots.ts '))
      .map(([who, row]) => [who, Number(row[column])]),
  );
}

function trainings() {
  const rows = readCsv('train.csv');
  return Object.keys(MACHINES).flatMap((machine) =>
    Object.keys(CONFIGS).map((config) => ({
      config,
      machine,
      comparison: newestComparison(rows, (row) => row.config === config && row.machine === machine),
    })),
  );
}

/** README: each measurement with its fastest peer. */
function speed() {
  return table(
    ['Measurement', 'dots.ts', 'Fastest peer', 'Ratio'],
    headlines().map(({ title, unit, values }) => {
      const isBetter = (a, b) => (unit === 'ms' ? a < b : a > b);
      const peers = [...values].filter(([who]) => who !== 'dots.ts');
      const [who, best] = peers.reduce((one, other) => (isBetter(other[1], one[1]) ? other : one));
      const ours = values.get('dots.ts');
      const ratio = unit === 'ms' ? best / ours : ours / best;
      return [title, `${figure(ours)} ${unit}`, `${figure(best)} (${who})`, `${ratio.toFixed(2)} ×`];
    }),
  );
}

/** bench/README.md: all models and tests with all contenders. */
function inference() {
  const rows = comparisonRows().filter((row) => row.unit !== '%');
  const plain = rows.filter((row) => !/[~@+]/.test(row.test));
  const tests = [...new Map(plain.map((row) => [`${row.model} ${row.test}`, row])).values()];
  return table(
    ['Model', 'Test', 'Unit', ...CONTENDERS, 'Share of the limit'],
    tests.flatMap(({ model, test, unit }) => {
      const comparison = comparisonOf(rows, model, test);
      if (comparison.size < 2) return [];
      const percent = comparison.get('dots.ts').percentOfLimit;
      return [
        [
          model,
          `\`${test}\``,
          unit,
          ...CONTENDERS.map((who) => (comparison.has(who) ? figure(comparison.get(who).median) : '')),
          percent && `${Number(percent).toFixed(0)} %`,
        ],
      ];
    }),
  );
}

/** docs/training.md: whole training steps next to PyTorch. */
function training() {
  const peers = ['PyTorch eager', 'PyTorch grouped_mm'];
  return table(
    ['tokens/s', 'dots.ts', ...peers, 'Ratio to the faster one', 'Peak memory', 'Peak memory, PyTorch'],
    trainings().map(({ config, machine, comparison }) => {
      const ours = comparison.get('dots.ts');
      const best = Math.max(...peers.map((who) => comparison.get(who).tokensPerSecond));
      const least = Math.min(...peers.map((who) => comparison.get(who).peakMB));
      return [
        `${MACHINES[machine]}, ${CONFIGS[config]}`,
        figure(ours.tokensPerSecond),
        ...peers.map((who) => figure(comparison.get(who).tokensPerSecond)),
        `${(ours.tokensPerSecond / best).toFixed(2)} ×`,
        `${(ours.peakMB / 1000).toFixed(2)} GB`,
        `${(least / 1000).toFixed(2)} GB`,
      ];
    }),
  );
}

/** docs/training.md: the load of the busiest expert with balancing and without it. */
function balance() {
  const rows = readCsv('train-balance.csv');
  const steps = [...new Set(rows.map((row) => row.step))];
  const line = (title, run) => [
    title,
    ...steps.map((step) => rows.find((row) => row.run === run && row.step === step).maxViolation),
  ];
  return table(['Step', ...steps], [line('balanced', 'balanced'), line('both 0', 'unbalanced')]);
}

/** docs/training.md: held-out loss of the two optimisers. */
function optimizers() {
  const rows = readCsv('train-optimizers.csv');
  const counts = [...new Set(rows.map((row) => row.tokens))];
  const names = [...new Set(rows.map((row) => row.optimizer))];
  return table(
    ['Tokens', ...counts.map((count) => `${(count / 1e6).toFixed(1)}M`)],
    names.map((name) => {
      const own = rows.filter((row) => row.optimizer === name);
      return [`${name}, peak ${own[0].peakRate}`, ...own.map((row) => row.heldOutLoss)];
    }),
  );
}

/** docs/training.md: what lowering a rate that was too high did. */
function rates() {
  return table(
    ['Tokens', 'Learning rate', 'Held-out loss (nats per token)'],
    readCsv('train-rates.csv').map((row) => [
      `${(row.tokens / 1e6).toFixed(1)}M`,
      row.learningRate,
      row.heldOutLoss,
    ]),
  );
}

/** docs/serving.md: 64 clients, some of them hostile. */
function httpLoad() {
  const row = readCsv('http.csv').findLast(({ neighbours }) => neighbours === 'none');
  const busy = readCsv('http.csv').findLast(
    ({ model, neighbours }) => model === row.model && neighbours !== 'none',
  );
  const line = (title, format) => [title, format(row), format(busy)];
  return table(
    [`${row.clients} clients, ${row.model}, ${row.seconds} s`, 'Quiet machine', `With ${busy.neighbours}`],
    [
      line('Answers checked', (of) => figure(of.answers)),
      line('Wrong answers', (of) => of.wrong),
      line('Tokens/s, all clients', (of) => figure(of.tokensPerSecond)),
      line('Time between tokens, 99th percentile', (of) => `${figure(of.interTokenP99Ms)} ms`),
      line('Time between tokens, longest', (of) => `${figure(of.interTokenMaxMs)} ms`),
      line('Time to first token, median', (of) => `${figure(of.firstTokenP50Ms)} ms`),
      line('Growth of memory after warm-up', (of) => `${of.rssChangePercent} %`),
    ],
  );
}

/** docs/serving.md: many streams over HTTP, and the sequences of peers without HTTP. */
function httpPeers() {
  const row = readCsv('http-peers.csv').at(-1);
  return table(
    [`${row.clients} sequences, ${row.model}, ${row.threads} threads`, 'tokens/s, all together'],
    [
      ['dots.ts, over HTTP', figure(row.totalTokensPerSecond)],
      ['dots.ts, over HTTP, one stream', figure(row.oneTokensPerSecond)],
      ['llama.cpp, in process', figure(row.llamaCppTokensPerSecond)],
      ['ik_llama.cpp, in process', figure(row.ikTokensPerSecond)],
      ['ik_llama.cpp, repacked, in process', figure(row.ikRepackTokensPerSecond)],
    ],
  );
}

/** docs/serving.md: what HTTP costs a single stream. */
function httpCost() {
  const row = readCsv('http-speed.csv').findLast(({ clients }) => clients === '1');
  return table(
    [`One stream, ${row.model}, ${row.threads} threads, ${row.rounds} rounds`, 'tokens/s'],
    [
      ['`dots bench`', figure(row.benchTokensPerSecond)],
      ['over HTTP', figure(row.streamTokensPerSecond)],
    ],
  );
}

/** docs/structured-output.md: token masks next to xgrammar's. */
function constraint() {
  const rows = readCsv('constraint.csv');
  const cases = [...new Set(rows.map((row) => row.case))].filter((name) =>
    rows.some((row) => row.case === name && row.contender === 'xgrammar'),
  );
  const of = (who, name) => rows.findLast((row) => row.contender === who && row.case === name);
  const cell = (row, column, unit, scale = 1) => `${figure(row[column] / scale)} ${unit}`;
  return table(
    ['Schema', 'Contender', 'Compile', 'Mask, first use: longest', 'Mask, later uses: median', 'longest'],
    cases.flatMap((name) =>
      [
        ['dots.ts', of('dots.ts', name)],
        ['xgrammar 0.1.27 (WebAssembly)', of('xgrammar', name)],
      ].map(([who, row]) => [
        name,
        who,
        cell(row, 'compileMs', 'ms'),
        cell(row, 'coldMaxUs', 'ms', 1000),
        cell(row, 'warmMedianUs', 'µs'),
        cell(row, 'warmMaxUs', 'ms', 1000),
      ]),
    ),
  );
}

/** models/README.md: mini next to compressors and n-gram models. */
function bitsPerByte() {
  const rows = readCsv('language-baselines.csv');
  const newest = new Map(rows.map((row) => [`${row.who}\n${row.trainBytes}\n${row.language}`, row]));
  const of = (who, bytes, language) =>
    [...newest.values()].findLast(
      (row) =>
        row.who.startsWith(who) && row.language === language && (!bytes || bytes(Number(row.trainBytes))),
    );
  const all = (bytes) => bytes > 100e6;
  const part = (bytes) => bytes > 75e6 && bytes < 80e6;
  const lines = [
    ['mini', 'mini.gguf', undefined],
    ['`xz -9e`', 'xz', undefined],
    ['Kneser-Ney, 5-grams of characters', 'Kneser-Ney, 5 characters', all],
    ['Kneser-Ney, 5-grams of tokens', 'Kneser-Ney, 5 tokens', part],
    ['Kneser-Ney, 5-grams of tokens', 'Kneser-Ney, 5 tokens', all],
  ];
  const mb = (row) => (row.trainBytes === '0' ? '–' : `${(row.trainBytes / 1e6).toFixed(0)} MB`);
  return table(
    ['Model', 'Trained on: English', 'Chinese', 'Bits per byte: English', 'Chinese'],
    lines.map(([title, who, bytes]) => {
      const [en, zh] = ['en', 'zh'].map((language) => of(who, bytes, language));
      return [title, mb(en), mb(zh), ...[en, zh].map((row) => Number(row.bitsPerByte).toFixed(3))];
    }),
  );
}

export const BLOCKS = {
  speed,
  inference,
  training,
  balance,
  optimizers,
  rates,
  'http-load': httpLoad,
  'http-peers': httpPeers,
  'http-cost': httpCost,
  constraint,
  'bits-per-byte': bitsPerByte,
};
