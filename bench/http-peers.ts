/** Many streams over HTTP compared with as many sequences of llama.cpp and ik_llama.cpp: for bench/http.ts. */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { basename, resolve } from 'node:path';
import { row, startServer, streamRate } from './http-server.ts';

export interface SpeedOptions {
  readonly numTokens: number;
  readonly rounds: number;
  readonly numClients: number;
  readonly threads: string | undefined;
}

export interface PeersOptions extends SpeedOptions {
  /** Folder with node_modules/node-llama-cpp. */
  readonly nodeLlamaCpp: string | undefined;
  /** Folder with ik_llama.cpp's programs. */
  readonly ik: string | undefined;
}

export async function peers(model: string, options: PeersOptions): Promise<void> {
  const { numTokens, rounds, numClients, threads = String(cpus().length), nodeLlamaCpp, ik } = options;
  const samples = new Map<string, number[]>();
  const add = (name: string, rate: number): void => {
    samples.set(name, [...(samples.get(name) ?? []), rate]);
    console.error(`${name}: ${rate.toFixed(1)}`);
  };
  const askPeer = (
    script: string,
    ...args: string[]
  ): { test: string; tokensPerSecond: { median: number } }[] => {
    const program = resolve('bench/peers', script);
    const test = [
      '-p',
      '0',
      '-n',
      String(numTokens),
      '--depth',
      '',
      '--parallel',
      String(numClients),
      '-r',
      '1',
    ];
    const all = [program, ...args, ...test, '--threads', threads];
    return JSON.parse(
      execFileSync(process.execPath, all, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    ).rows;
  };
  const server = await startServer(model, [
    ...['--parallel', String(numClients), '--max-model-len', '512', '--threads', threads],
  ]);
  await streamRate(server.url, numTokens, numClients);
  for (let round = 0; round < rounds; round++) {
    add('one', await streamRate(server.url, numTokens, 1));
    add('many', await streamRate(server.url, numTokens, numClients));
    if (nodeLlamaCpp !== undefined)
      add(
        'llamaCpp',
        askPeer('node-llama-cpp.mjs', 'bench', model, '--package', nodeLlamaCpp)[0].tokensPerSecond.median,
      );
    if (ik !== undefined)
      for (const { test, tokensPerSecond } of askPeer('ik-llama-cpp.mjs', model, '--bin', ik))
        add(test.endsWith('+repack') ? 'ikRepack' : 'ik', tokensPerSecond.median);
  }
  await server.stop();
  const of = (name: string): number[] => samples.get(name) ?? [];
  const rate = (name: string): string => (of(name).length === 0 ? '' : median(of(name)).toFixed(1));
  const times = (name: string): string =>
    of(name).length === 0 ? '' : median(of('many').map((value, i) => value / of(name)[i])).toFixed(2);
  row({
    test: 'peers',
    model: basename(model),
    threads,
    tokens: numTokens,
    rounds,
    clients: numClients,
    oneTokensPerSecond: rate('one'),
    totalTokensPerSecond: rate('many'),
    timesOneStream: times('one'),
    llamaCppTokensPerSecond: rate('llamaCpp'),
    timesLlamaCpp: times('llamaCpp'),
    ikTokensPerSecond: rate('ik'),
    timesIk: times('ik'),
    ikRepackTokensPerSecond: rate('ikRepack'),
    timesIkRepack: times('ikRepack'),
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
