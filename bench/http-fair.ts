/** How long a client waits for its first token, alone and next to one that sends many requests under many made-up keys. */
import { request } from 'node:http';
import { basename } from 'node:path';
import { quantile } from './http-load.ts';
import { row, startServer } from './http-server.ts';

const HONEST = '127.0.0.2';
const GREEDY = '127.0.0.1';

export async function fair(model: string, numKeys: number, rounds: number): Promise<void> {
  const server = await startServer(model, ['--parallel', '4', '--max-model-len', '2048']);
  const honest = (): Promise<number> => firstTokenMs(server.url, HONEST, 8);
  for (let i = 0; i < 3; i++) await honest();
  const alone = await inTurn(rounds, honest);
  let isOver = false;
  const greedyMs: number[] = [];
  const crowd = Array.from({ length: numKeys }, async (_, i) => {
    while (!isOver) greedyMs.push(await firstTokenMs(server.url, GREEDY, 800, `Bearer made-up-${i}`));
  });
  // Until all places are taken and the others wait.
  while ((await server.metric('dots_requests_waiting')) === 0)
    await new Promise((done) => setTimeout(done, 10));
  const beside = await inTurn(rounds, honest);
  isOver = true;
  await Promise.all(crowd);
  await server.stop();
  const round = (values: number[], p: number): number => Number(quantile(values, p).toFixed(1));
  row({
    test: 'fair',
    model: basename(model),
    madeUpKeys: numKeys,
    rounds,
    parallel: 4,
    aloneFirstTokenP50Ms: round(alone, 0.5),
    besideFirstTokenP50Ms: round(beside, 0.5),
    besideFirstTokenMaxMs: round(beside, 1),
    greedyFirstTokenP50Ms: round(greedyMs, 0.5),
  });
}

async function inTurn(rounds: number, measure: () => Promise<number>): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < rounds; i++) all.push(await measure());
  return all;
}

/** Of a stream from an address of this machine, which is then read to its end. */
function firstTokenMs(
  url: string,
  address: string,
  maxTokens: number,
  authorization?: string,
): Promise<number> {
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/v1/completions`,
      {
        method: 'POST',
        localAddress: address,
        headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
      },
      (response) => {
        if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
        let firstMs = 0;
        response.on('data', () => {
          firstMs ||= performance.now() - startMs;
        });
        response.on('end', () => resolve(firstMs));
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify({ prompt: 'The little', max_tokens: maxTokens, ignore_eos: true, stream: true }));
  });
}
