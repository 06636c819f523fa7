/**
 * The server under load, and what HTTP costs.
 *
 *   node bench/http.ts load MODEL [--seconds 120] [--clients 64] [--warm-up 120]
 *                                                                     right answers, memory, times between tokens
 *   node bench/http.ts speed MODEL [--tokens 128] [--rounds 3] [--clients 16] [--threads N]
 *                                                                     one stream next to `dots bench`, and many streams
 *   node bench/http.ts fair MODEL [--keys 20] [--rounds 30]
 *                                                                     time to first token next to many made-up keys
 *
 *   node bench/http.ts peers MODEL [--tokens 48] [--rounds 3] [--clients 16] [--node-llama-cpp FOLDER] [--ik BIN_FOLDER]
 *                                                                     many streams next to llama.cpp's sequences
 *
 * `speed` takes turns within a round: `dots bench`, one stream, many streams; `peers`: one stream, many streams, the peers, who
 * have no HTTP between them and the clock. Rows of CSV on stdout, progress on stderr.
 * Build first (`npm run build`). Node >= 22.18 runs this file as it is; for older ones bundle it first:
 *   npx rolldown bench/http.ts --platform node --format esm -o /tmp/http.mjs
 */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { fair } from './http-fair.ts';
import { quantile, runLoad } from './http-load.ts';
import { peers, type SpeedOptions } from './http-peers.ts';
import { BIN, row, startServer, streamRate } from './http-server.ts';

async function load(
  model: string,
  seconds: number,
  numClients: number,
  warmUpSeconds: number,
): Promise<void> {
  const server = await startServer(model, ['--parallel', '16', '--max-model-len', '512']);
  const crowd = { url: server.url, numClients, contextLength: 512 };
  // Some ten thousand requests go by until V8 has made its heap as large as it wants it.
  const warmUp = await runLoad({ ...crowd, seconds: warmUpSeconds, seed: 2 });
  const rss: number[] = [];
  const timer = setInterval(() => rss.push(server.rssBytes()), 1000);
  const report = await runLoad({ ...crowd, seconds, seed: 1 });
  clearInterval(timer);
  // Those who left have been noticed by now.
  await new Promise((done) => setTimeout(done, 1000));
  const left = {
    running: await server.metric('dots_requests_running'),
    waiting: await server.metric('dots_requests_waiting'),
    kvTokens: await server.metric('dots_kv_tokens_used'),
  };
  await server.stop();
  // Garbage comes and goes, so medians of the first and the last quarter.
  const quarter = Math.floor(rss.length / 4);
  const early = quantile(rss.slice(0, quarter), 0.5);
  const late = quantile(rss.slice(3 * quarter), 0.5);
  const wrong = [...warmUp.wrong, ...report.wrong];
  for (const text of wrong.slice(0, 5)) console.error(text.slice(0, 500));
  console.error(JSON.stringify(report.counts));
  const round = (value: number, digits = 1): number => Number(value.toFixed(digits));
  row({
    test: 'load',
    model: basename(model),
    clients: numClients,
    warmUpSeconds,
    seconds,
    answers: Object.values(report.counts).reduce((a, b) => a + b, 0),
    wrong: wrong.length,
    tokensPerSecond: round(report.tokensPerSecond),
    interTokenP50Ms: round(report.interTokenMs.p50, 2),
    interTokenP99Ms: round(report.interTokenMs.p99, 2),
    interTokenMaxMs: round(report.interTokenMs.max),
    firstTokenP50Ms: round(report.firstTokenMs.p50),
    firstTokenP99Ms: round(report.firstTokenMs.p99),
    rssEarlyMB: round(early / 1e6),
    rssLateMB: round(late / 1e6),
    rssChangePercent: round((100 * (late - early)) / early),
    runningAfter: left.running,
    waitingAfter: left.waiting,
    kvTokensAfter: left.kvTokens,
  });
}

async function speed(model: string, { numTokens, rounds, numClients, threads }: SpeedOptions): Promise<void> {
  const benchRates: number[] = [];
  const oneRates: number[] = [];
  const manyRates: number[] = [];
  const common = threads === undefined ? [] : ['--threads', threads];
  const server = await startServer(model, [
    '--parallel',
    String(numClients),
    '--max-model-len',
    '2048',
    ...common,
  ]);
  // As `dots bench` does: what is compiled or touched for the first time does not count.
  await streamRate(server.url, numTokens, 1);
  let clientMs = 0;
  let wallMs = 0;
  for (let round = 0; round < rounds; round++) {
    const args = [BIN, 'bench', model, '-p', '0', '-n', String(numTokens), '-r', '3', '--json', ...common];
    const bench = JSON.parse(
      execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
    benchRates.push(bench.rows[0].tokensPerSecond.median);
    const before = process.cpuUsage();
    const startMs = performance.now();
    const rates: number[] = [];
    for (let i = 0; i < 3; i++) rates.push(await streamRate(server.url, numTokens, 1));
    oneRates.push(quantile(rates, 0.5));
    const { user, system } = process.cpuUsage(before);
    clientMs += (user + system) / 1000;
    wallMs += performance.now() - startMs;
    if (numClients > 1) manyRates.push(await streamRate(server.url, numTokens, numClients));
    console.error(
      `round ${round + 1}: bench ${benchRates.at(-1)}, 1 stream ${oneRates.at(-1)}, ${numClients}: ${manyRates.at(-1)}`,
    );
  }
  await server.stop();
  const median = (values: number[]): number => quantile(values, 0.5);
  const ratios = (a: number[], b: number[]): number => median(a.map((value, i) => value / b[i]));
  row({
    test: 'speed',
    model: basename(model),
    threads: threads ?? cpus().length,
    tokens: numTokens,
    rounds,
    benchTokensPerSecond: Number(median(benchRates).toFixed(1)),
    streamTokensPerSecond: Number(median(oneRates).toFixed(1)),
    httpCostPercent: Number((100 * (1 - ratios(oneRates, benchRates))).toFixed(1)),
    // Of one core: the client shares the machine with the server.
    clientPercent: Number(((100 * clientMs) / wallMs).toFixed(1)),
    clients: numClients,
    ...(numClients > 1 && {
      totalTokensPerSecond: Number(median(manyRates).toFixed(1)),
      timesOneStream: Number(ratios(manyRates, oneRates).toFixed(2)),
    }),
  });
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '120' },
    'warm-up': { type: 'string', default: '120' },
    clients: { type: 'string' },
    keys: { type: 'string', default: '20' },
    tokens: { type: 'string' },
    rounds: { type: 'string' },
    threads: { type: 'string' },
    'node-llama-cpp': { type: 'string' },
    ik: { type: 'string' },
  },
});
const [command, model] = positionals;
if (command === 'load' && model)
  await load(model, Number(values.seconds), Number(values.clients ?? 64), Number(values['warm-up']));
else if (command === 'fair' && model) await fair(model, Number(values.keys), Number(values.rounds ?? 30));
else if ((command === 'speed' || command === 'peers') && model) {
  const options = {
    numTokens: Number(values.tokens ?? (command === 'speed' ? 128 : 48)),
    rounds: Number(values.rounds ?? 3),
    numClients: Number(values.clients ?? 16),
    threads: values.threads,
  };
  if (command === 'speed') await speed(model, options);
  else await peers(model, { ...options, nodeLlamaCpp: values['node-llama-cpp'], ik: values.ik });
} else {
  console.error('usage: http.ts load|speed|fair|peers MODEL');
  process.exitCode = 2;
}
