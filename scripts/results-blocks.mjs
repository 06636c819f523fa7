/** The generated blocks of README and docs, by the name that their marker gives. */
import { recipeCost, recipeTable, recipeTensors } from './recipe-results.mjs';
import { comparisonRows, figure, newestComparison, readCsv, table } from './results-rows.mjs';

/**
 * @typedef {import('./results-rows.mjs').Row} Row
 * @typedef {import('./results-rows.mjs').Comparison} Comparison
 *
 * A measurement, and the value of each contender in its newest comparison.
 * @typedef {{ title: string, unit: string, values: Map<string, number> }} Headline
 */

/** @type {Record<string, string>} */
const MACHINES = { 'Intel(R) Xeon(R) Processor': 'Intel Xeon', 'AMD EPYC': 'AMD EPYC' };
/** @type {Record<string, string>} */
const CONFIGS = { 'moe-19m': '19M parameters', 'moe-30m': '30M parameters' };
const CONTENDERS = ['dots.ts', 'llama.cpp', 'ik_llama.cpp', 'ik_llama.cpp, repacked'];
/** What README shows of bench/compare.mjs: model, test, title, unit. */
const HEADLINES = [
  ['3b-q4_k', 'pp512', 'Prefill, 512-token prompt', 'tokens/s'],
  ['3b-q4_k', 'tg128', 'Decode, one sequence', 'tokens/s'],
  ['3b-q4_k', 'tg64x8', 'Decode, 8 sequences at once', 'tokens/s'],
  ['3b-q4_k', 'start', 'Process start to first token', 'ms'],
];

/**
 * What README's table and chart show.
 * @returns {Headline[]}
 */
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

/**
 * @param {Row[]} rows
 * @param {string} model
 * @param {string} test
 */
function comparisonOf(rows, model, test) {
  return newestComparison(rows, (row) => row.model === model && row.test.replace('+repack', '') === test);
}

/**
 * @param {Comparison} comparison
 * @param {string} column
 */
function valuesOf(comparison, column) {
  const values = new Map();
  for (const [who, row] of comparison) if (!who.startsWith('dots.ts ')) values.set(who, Number(row[column]));
  return values;
}

/**
 * @param {Comparison} comparison
 * @param {string} who
 */
function rowOf(comparison, who) {
  return present(comparison.get(who), who);
}

/**
 * @template T
 * @param {T | undefined} value
 * @param {string} what
 */
function present(value, what) {
  if (value === undefined) throw new Error(`bench/results lacks ${what}`);
  return value;
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
      const isBetter = (/** @type {number} */ a, /** @type {number} */ b) => (unit === 'ms' ? a < b : a > b);
      const peers = [...values].filter(([who]) => who !== 'dots.ts');
      const [who, best] = peers.reduce((one, other) => (isBetter(other[1], one[1]) ? other : one));
      const ours = present(values.get('dots.ts'), `dots.ts of "${title}"`);
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
      const percent = rowOf(comparison, 'dots.ts').percentOfLimit;
      return [
        [
          model,
          `\`${test}\``,
          unit,
          ...CONTENDERS.map((who) => (comparison.has(who) ? figure(rowOf(comparison, who).median) : '')),
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
      const ours = rowOf(comparison, 'dots.ts');
      const best = Math.max(...peers.map((who) => Number(rowOf(comparison, who).tokensPerSecond)));
      const least = Math.min(...peers.map((who) => Number(rowOf(comparison, who).peakMB)));
      return [
        `${MACHINES[machine]}, ${CONFIGS[config]}`,
        figure(ours.tokensPerSecond),
        ...peers.map((who) => figure(rowOf(comparison, who).tokensPerSecond)),
        `${(Number(ours.tokensPerSecond) / best).toFixed(2)} ×`,
        `${(Number(ours.peakMB) / 1000).toFixed(2)} GB`,
        `${(least / 1000).toFixed(2)} GB`,
      ];
    }),
  );
}

/** docs/training.md: the load of the busiest expert with balancing and without it. */
function balance() {
  const rows = readCsv('train-balance.csv');
  const steps = [...new Set(rows.map((row) => row.step))];
  const line = (/** @type {string} */ title, /** @type {string} */ run) => [
    title,
    ...steps.map((step) => rows.find((row) => row.run === run && row.step === step)?.maxViolation),
  ];
  return table(['Step', ...steps], [line('balanced', 'balanced'), line('both 0', 'unbalanced')]);
}

/** docs/training.md: held-out loss of the two optimisers. */
function optimizers() {
  const rows = readCsv('train-optimizers.csv');
  const counts = [...new Set(rows.map((row) => row.tokens))];
  const names = [...new Set(rows.map((row) => row.optimizer))];
  return table(
    ['Tokens', ...counts.map((count) => `${(Number(count) / 1e6).toFixed(1)}M`)],
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
      `${(Number(row.tokens) / 1e6).toFixed(1)}M`,
      row.learningRate,
      row.heldOutLoss,
    ]),
  );
}

/** docs/serving.md: 64 clients, some of them hostile. */
function httpLoad() {
  const rows = readCsv('http.csv');
  const row = present(
    rows.findLast(({ neighbours }) => neighbours === 'none'),
    'a row of http.csv on a quiet machine',
  );
  const busy = present(
    rows.findLast(({ model, neighbours }) => model === row.model && neighbours !== 'none'),
    'a row of http.csv with neighbours',
  );
  const line = (/** @type {string} */ title, /** @type {(of: Row) => string} */ format) => [
    title,
    format(row),
    format(busy),
  ];
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
  const row = present(readCsv('http-peers.csv').at(-1), 'a row of http-peers.csv');
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
  const row = present(
    readCsv('http-speed.csv').findLast(({ clients }) => clients === '1'),
    'a row of http-speed.csv with one client',
  );
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
  /**
   * @param {string} who
   * @param {string} name
   */
  const of = (who, name) =>
    present(
      rows.findLast((row) => row.contender === who && row.case === name),
      `${who} for ${name}`,
    );
  /**
   * @param {Row} row
   * @param {string} column
   * @param {string} unit
   */
  const cell = (row, column, unit, scale = 1) => `${figure(Number(row[column]) / scale)} ${unit}`;
  return table(
    ['Schema', 'Contender', 'Compile', 'Mask, first use: longest', 'Mask, later uses: median', 'longest'],
    cases.flatMap((name) =>
      [
        { who: 'dots.ts', row: of('dots.ts', name) },
        { who: 'xgrammar 0.1.27 (WebAssembly)', row: of('xgrammar', name) },
      ].map(({ who, row }) => [
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

/** Storage types by what their blocks are like; the rest are K types. */
const TYPE_FAMILIES = /** @type {const} */ ([
  [
    '32-element blocks: q8_0, q5_0, q5_1, q4_0, q4_1, iq4_nl, mxfp4, nvfp4',
    /^(q[458]_[01]|iq4_nl|mxfp4|nvfp4)$/,
  ],
  ['IQ types', /^iq/],
  ['ternary and one bit: tq1_0, tq2_0, q1_0', /^(tq|q1)/],
  ['K types', /./],
]);

/** docs/quantising.md: files of `dots quantize` in llama.cpp. */
function quantisedLlamaCpp() {
  const rows = readCsv('quantised-llama-cpp.csv');
  const named = rows.filter(({ file }) => !file.startsWith('all '));
  const family = (/** @type {string} */ file) =>
    TYPE_FAMILIES.find(([, pattern]) => pattern.test(file.replace('all ', '')))?.[0];
  const groups = /** @type {[string, Row[]][]} */ ([
    ['named mixes', named],
    ...TYPE_FAMILIES.map(([title]) => [
      title,
      rows.filter(({ file }) => file.startsWith('all ') && family(file) === title),
    ]),
  ]);
  const most = (/** @type {Row[]} */ of, /** @type {string} */ column) =>
    Math.max(...of.map((row) => Number(row[column]))).toFixed(3);
  return table(
    [
      'Largest difference of the logits',
      'Files',
      'dots.ts and llama.cpp',
      'dots.ts and exact',
      'llama.cpp and exact',
    ],
    groups.map(([title, of]) => [
      title,
      String(of.length),
      ...['oursToLlamaCpp', 'oursToExact', 'llamaCppToExact'].map((column) => most(of, column)),
    ]),
  );
}

/** docs/quantising.md: encoders next to ggml's, the worst of the newest rows of each type over all kinds of values. */
function encoders() {
  const rows = readCsv('encoders.csv');
  const newest = new Map(rows.map((row) => [[row.type, row.data, row.importance].join(), row]));
  const all = [...newest.values()];
  const of = (/** @type {string} */ type, /** @type {string} */ importance, /** @type {string} */ column) =>
    all
      .filter((row) => row.type === type && row.importance === importance && row[column] !== '')
      .map((row) => Number(row[column]));
  const worst = (/** @type {number[]} */ ratios) =>
    ratios.length === 0 ? undefined : Math.max(...ratios).toFixed(3);
  const least = (/** @type {number[]} */ ratios) => `${Math.min(...ratios).toFixed(2)} ×`;
  return table(
    [
      'Type, compared with ggml',
      'Error',
      'Error, importance',
      "Error, ggml's own weights",
      'Speed',
      'Speed, importance',
    ],
    [...new Set(all.map(({ type }) => type))].map((type) => [
      `\`${type}\``,
      worst(of(type, 'no', 'errorRatio')),
      worst(of(type, 'yes', 'errorRatio')),
      worst(of(type, 'yes', 'ownErrorRatio')),
      least(of(type, 'no', 'cpuRatio')),
      least(of(type, 'yes', 'cpuRatio')),
    ]),
  );
}

/** models/README.md: mini next to compressors and n-gram models. */
function bitsPerByte() {
  const rows = readCsv('language-baselines.csv');
  const newest = new Map(rows.map((row) => [`${row.who}\n${row.trainBytes}\n${row.language}`, row]));
  /** @typedef {(bytes: number) => boolean} IsAmount */
  /**
   * @param {string} who
   * @param {IsAmount} isAmount
   * @param {string} language
   */
  const of = (who, isAmount, language) =>
    present(
      [...newest.values()].findLast(
        (row) => row.who.startsWith(who) && row.language === language && isAmount(Number(row.trainBytes)),
      ),
      `${who} for ${language}`,
    );
  /** @type {IsAmount} */
  const any = () => true;
  /** @type {IsAmount} */
  const all = (bytes) => bytes > 100e6;
  /** @type {IsAmount} */
  const part = (bytes) => bytes > 75e6 && bytes < 80e6;
  /** @type {[title: string, who: string, isAmount: IsAmount][]} */
  const lines = [
    ['mini', 'mini.gguf', any],
    ['`xz -9e`', 'xz', any],
    ['Kneser-Ney, 5-grams of characters', 'Kneser-Ney, 5 characters', all],
    ['Kneser-Ney, 5-grams of tokens', 'Kneser-Ney, 5 tokens', part],
    ['Kneser-Ney, 5-grams of tokens', 'Kneser-Ney, 5 tokens', all],
  ];
  const mb = (/** @type {Row} */ row) =>
    row.trainBytes === '0' ? '–' : `${(Number(row.trainBytes) / 1e6).toFixed(0)} MB`;
  return table(
    ['Model', 'Trained on: English', 'Chinese', 'Bits per byte: English', 'Chinese'],
    lines.map(([title, who, isAmount]) => {
      const [en, zh] = ['en', 'zh'].map((language) => of(who, isAmount, language));
      return [title, mb(en), mb(zh), ...[en, zh].map((row) => Number(row.bitsPerByte).toFixed(3))];
    }),
  );
}

/** docs/extraction.md: main text and page types next to trafilatura. */
function extraction() {
  const newest = new Map(
    readCsv('extraction.csv').map((row) => [`${row.set} ${row.part} ${row.measure}`, row]),
  );
  const sets = new Map([
    ['wcxb_dev', 'WCXB, development half'],
    ['article_extraction_benchmark', 'article extraction benchmark'],
    ['readability_test_pages', "tests of Mozilla's reader view"],
    ['trafilatura_eval', "trafilatura's own evaluation"],
  ]);
  const parts = [...newest.values()].filter(
    ({ set, part, measure }) =>
      sets.has(set) && measure !== 'page type' && (part === 'all' || part === 'zh' || set === 'wcxb_dev'),
  );
  return table(
    [
      'Pages',
      'Number',
      'Measure',
      'dots.ts',
      'trafilatura',
      'Page type right',
      'ms per page',
      'ms, trafilatura',
    ],
    parts.map((row) => {
      const type = newest.get(`${row.set} ${row.part} page type`);
      return [
        row.part === 'all'
          ? present(sets.get(row.set), row.set)
          : `– ${row.part === 'zh' ? 'Chinese' : row.part}`,
        row.pages,
        row.measure,
        Number(row.dots).toFixed(3),
        Number(row.peer).toFixed(3),
        type && `${(100 * Number(type.dots)).toFixed(1)} %`,
        Number(row.dotsMsMean).toFixed(1),
        Number(row.peerMsMean).toFixed(0),
      ];
    }),
  );
}

/** @type {Record<string, () => string>} */
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
  encoders,
  'quantised-llama-cpp': quantisedLlamaCpp,
  'bits-per-byte': bitsPerByte,
  extraction,
  recipe: recipeTable,
  'recipe-cost': recipeCost,
  'recipe-tensors': recipeTensors,
};
