/**
 * The server under load, and what HTTP costs.
 *
 *   node bench/http.ts load MODEL [--seconds 120] [--clients 64] [--warm-up 120]
 *                                                                     right answers, memory, times between tokens
 *   node bench/http.ts speed MODEL [--tokens 128] [--rounds 3] [--clients 16] [--threads N]
 *                                                                     one stream beside `dots bench`, and many streams
 *
 * `speed` takes turns within a round: `dots bench`, one stream, many streams. Rows of CSV on stdout, progress on stderr.
 * Build first (`npm run build`). Node >= 22.18 runs this file as it is; for older ones bundle it first:
 *   npx rolldown bench/http.ts --platform node --format esm -o /tmp/http.mjs
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { quantile, runLoad } from './http-load.ts';

const BIN = resolve('bin/dots.js');

interface Server {
  readonly url: string;
  readonly child: ChildProcess;
  rssBytes(): number;
  metric(name: string): Promise<number>;
  stop(): Promise<void>;
}

async function startServer(model: string, flags: readonly string[]): Promise<Server> {
  const child = spawn(process.execPath, [BIN, 'serve', model, '--port', '0', ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = new Promise<void>((done) => child.on('exit', () => done()));
  const url = await new Promise<string>((found, reject) => {
    let text = '';
    child.stderr?.on('data', (data) => {
      // The log is read and dropped, so that the pipe never fills.
      if (text.length < 10_000) text += data;
      const match = /on (http:\S+) \(/.exec(text);
      if (match) found(match[1]);
    });
    void exit.then(() => reject(new Error(text)));
  });
  return {
    url,
    child,
    rssBytes: () => {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      return 1024 * Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
    },
    metric: async (name) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    },
    stop: async () => {
      child.kill('SIGTERM');
      await exit;
    },
  };
}

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

interface SpeedOptions {
  readonly numTokens: number;
  readonly rounds: number;
  readonly numClients: number;
  readonly threads: string | undefined;
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

/** Tokens per second of all streams together, from the first token of any to the last of all. */
async function streamRate(url: string, numTokens: number, numClients: number): Promise<number> {
  let firstMs = Number.POSITIVE_INFINITY;
  let lastMs = 0;
  let total = 0;
  await Promise.all(
    Array.from({ length: numClients }, async (_, i) => {
      const response = await fetch(`${url}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          prompt: [1 + i, 2, 3],
          max_tokens: numTokens,
          temperature: 0,
          ignore_eos: true,
          stream: true,
          return_token_ids: true,
        }),
      });
      if (response.status !== 200) throw new Error(await response.text());
      for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
        const now = performance.now();
        const text = new TextDecoder().decode(bytes);
        for (const [, ids] of text.matchAll(/"token_ids":\[([\d,]+)\]/g)) {
          firstMs = Math.min(firstMs, now);
          lastMs = Math.max(lastMs, now);
          total += ids.split(',').length;
        }
      }
    }),
  );
  // The first token of each stream came with its prompt.
  return (1000 * (total - numClients)) / (lastMs - firstMs);
}

function row(values: Readonly<Record<string, string | number>>): void {
  const all = {
    ...values,
    cpu: cpus()[0].model,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
  console.log(Object.keys(all).join(','));
  console.log(Object.values(all).join(','));
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '120' },
    'warm-up': { type: 'string', default: '120' },
    clients: { type: 'string' },
    tokens: { type: 'string', default: '128' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string' },
  },
});
const [command, model] = positionals;
if (command === 'load' && model)
  await load(model, Number(values.seconds), Number(values.clients ?? 64), Number(values['warm-up']));
else if (command === 'speed' && model) {
  await speed(model, {
    numTokens: Number(values.tokens),
    rounds: Number(values.rounds),
    numClients: Number(values.clients ?? 16),
    threads: values.threads,
  });
} else {
  console.error('usage: http.ts load|speed MODEL');
  process.exitCode = 2;
}
