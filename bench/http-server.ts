/** A server of its own process, one way to read streams from it, and rows of results: for bench/http.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { resolve } from 'node:path';

export const BIN = resolve('bin/dots.js');

export interface Server {
  readonly url: string;
  readonly child: ChildProcess;
  rssBytes(): number;
  metric(name: string): Promise<number>;
  stop(): Promise<void>;
}

export async function startServer(model: string, flags: readonly string[]): Promise<Server> {
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

/** Tokens per second of all streams together, from the first token of any to the last of all. */
export async function streamRate(url: string, numTokens: number, numClients: number): Promise<number> {
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
      const decoder = new TextDecoder();
      let rest = '';
      for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
        const now = performance.now();
        const events = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
        rest = events.pop() as string;
        for (const [, ids] of events.join('\n').matchAll(/"token_ids":\[([\d,]+)\]/g)) {
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

/** A line of names and a line of values. */
export function row(values: Readonly<Record<string, string | number>>): void {
  const all = {
    ...values,
    cpu: cpus()[0].model,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
  console.log(Object.keys(all).join(','));
  console.log(Object.values(all).join(','));
}
