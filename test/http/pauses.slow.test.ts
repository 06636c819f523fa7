/** Whatever a client sends, the streams of others continue: the longest pause of the event loop of a server process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin/dots.js', import.meta.url));
const PRELOAD = new URL('event-loop-delay.mjs', import.meta.url).href;

/**
 * On a machine with nothing else to do. Where processes compete for the cores each gets its share of them, and the time that the
 * others have counts as a pause: at a load of 13 on 2 cores, pauses of 60 to 110 ms were measured for work of 10 to 20 ms.
 */
const LONGEST_MS = 50;
const shareOfCores = (): number => Math.max(1, loadavg()[0] / availableParallelism());
/** 300 answers begin and end in the same steps of the model. */
const LONGEST_BATCH_MS = 200;
const ROUNDS = 3;

let child: ChildProcess;
let url = '';
let stderr = '';
beforeAll(async () => {
  child = spawn(
    process.execPath,
    ['--import', PRELOAD, BIN, 'serve', 'mini', '--port', '0', '--parallel', '4'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  child.stderr?.on('data', (data) => {
    stderr += data;
  });
  while (url === '') {
    await setTimeout(20);
    url = /on (http:\S+) \(/.exec(stderr)?.[1] ?? '';
  }
});
afterAll(() => {
  child.kill('SIGKILL');
});

async function longestPause(): Promise<number> {
  const from = stderr.length;
  child.kill('SIGUSR2');
  await expect.poll(() => stderr.slice(from), { interval: 5 }).toMatch(/longest pause/);
  return Number(/longest pause ([\d.]+) ms/.exec(stderr.slice(from))?.[1]);
}

function post(path: string, body: string | Buffer, signal?: AbortSignal): Promise<Response> {
  return fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    ...(signal && { signal }),
  });
}

const MB = 2 ** 20;
const user = (content: string): string =>
  `{"messages":[{"role":"user","content":${content}}],"max_tokens":1}`;
const many = (count: number, item: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => item(i)).join();

const answer = (more: string): string =>
  `{"messages":[{"role":"user","content":"x"}],"max_tokens":20,${more}}`;
const schema = (text: string): string =>
  answer(`"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":${text}}}`);
const pattern = (text: string): string => answer(`"structured_outputs":{"regex":"${text}"}`);
const properties = (count: number, item: (i: number) => string): string =>
  schema(`{"type":"object","properties":{${many(count, (i) => `"p${i}":${item(i)}`)}}}`);

/** Path, body, and how many at once. */
const INPUTS: readonly [string, string, () => string, number][] = [
  ['one message of 15.5 MB', '/v1/chat/completions', () => user(JSON.stringify('x'.repeat(15.5 * MB))), 1],
  [
    'eight messages of 15.5 MB',
    '/v1/chat/completions',
    () => user(JSON.stringify('x y'.repeat(5.1 * MB))),
    8,
  ],
  ['a message of escapes', '/v1/chat/completions', () => user(`"${'\\n'.repeat(7.5 * MB)}"`), 1],
  ['a message of Chinese', '/v1/messages', () => user(JSON.stringify('好'.repeat(5 * MB))), 1],
  [
    'a message that just fits into the limit',
    '/v1/responses',
    () => `{"input":${JSON.stringify('x '.repeat(40_000))}}`,
    8,
  ],
  ['white space to trim', '/v1/chat/completions', () => user(JSON.stringify(`${' '.repeat(80_000)}x`)), 8],
  ['a prompt of 15.5 MB', '/v1/completions', () => `{"prompt":"${'word '.repeat(3.1 * MB)}"}`, 2],
  [
    '300 prompts',
    '/v1/completions',
    () => `{"prompt":[${many(300, (i) => `"${'ab '.repeat(200)}${i}"`)}]}`,
    1,
  ],
  [
    'as many token ids as a body may have',
    '/v1/completions',
    () => `{"prompt":[${many(249_990, () => '5')}]}`,
    2,
  ],
  ['eight million numbers', '/v1/completions', () => `{"prompt":[${'5,'.repeat(7.7 * MB)}5]}`, 1],
  [
    'a logit_bias of a million keys',
    '/v1/chat/completions',
    () => `{"messages":[],"logit_bias":{${many(1e6, (i) => `"${i}":1`)}}}`,
    1,
  ],
  [
    'a logit_bias of 9,999 wrong keys',
    '/v1/chat/completions',
    () => `{"messages":[{"role":"user","content":"x"}],"logit_bias":{${many(9999, (i) => `"a${i}":1`)}}}`,
    4,
  ],
  [
    'as many different names of fields as a body may have',
    '/v1/chat/completions',
    () =>
      `{"messages":[{"role":"user","content":"x"}],"metadata":[${many(6, (j) => `{${many(9990, (i) => `"${j}name${i}":1`)}}`)}]}`,
    4,
  ],
  ['five million objects', '/v1/chat/completions', () => `{"messages":[${'{},'.repeat(5e6)}{}]}`, 1],
  ['24,000 objects', '/v1/chat/completions', () => user(`[${many(24_000, () => '{}')}]`), 4],
  [
    '24,000 parts',
    '/v1/chat/completions',
    () => user(`[${many(24_000, () => '{"type":"text","text":"a"}')}]`),
    4,
  ],
  [
    'as many numbers as a body may have where parts belong',
    '/v1/chat/completions',
    () => user(`[${many(249_990, () => '1')}]`),
    2,
  ],
  [
    '9,999 unknown fields',
    '/v1/chat/completions',
    () => `{"messages":[{"role":"user","content":"x"}],${many(9999, (i) => `"a${i}":1`)}}`,
    4,
  ],
  [
    'a stop string of 15 MB',
    '/v1/chat/completions',
    () => `{"messages":[{"role":"user","content":"x"}],"max_tokens":9,"stop":"${'x'.repeat(15 * MB)}"}`,
    2,
  ],
  [
    'a model name of 15 MB',
    '/v1/chat/completions',
    () => `{"messages":[{"role":"user","content":"x"}],"model":"${'x'.repeat(15 * MB)}"}`,
    2,
  ],
  [
    'a field name of 15 MB',
    '/v1/chat/completions',
    () => `{"messages":[{"role":"user","content":"x"}],"${'x'.repeat(15 * MB)}":1}`,
    2,
  ],
  [
    'as much text to tokenize as is allowed',
    '/tokenize',
    () => `{"content":"${'a b'.repeat(87_000)}","with_pieces":true}`,
    2,
  ],
  ['one word of that length', '/tokenize', () => `{"content":"${'abcdefghij'.repeat(26_000)}"}`, 2],
  [
    'as many token ids as a body may have to detokenize',
    '/detokenize',
    () => `{"tokens":[${many(249_990, (i) => String(i % 8000))}]}`,
    2,
  ],
  [
    'tools of 15 MB',
    '/v1/chat/completions',
    () =>
      `{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f","description":"${'x'.repeat(15 * MB)}"}}]}`,
    1,
  ],
  [
    'anyOf of 512 objects',
    '/v1/chat/completions',
    () => schema(`{"anyOf":[${many(512, (i) => `{"properties":{"a":{"pattern":"^a{${i}}b+$"}}}`)}]}`),
    2,
  ],
  [
    'two to the ninth objects',
    '/v1/chat/completions',
    () =>
      schema(
        `{"allOf":[${many(9, (i) => `{"anyOf":[{"properties":{"x${i}":{}}},{"properties":{"y${i}":{}}}]}`)}]}`,
      ),
    2,
  ],
  ['an enum of 10,000', '/v1/chat/completions', () => schema(`{"enum":[${many(9999, String)}]}`), 2],
  [
    'multiples in 200 properties',
    '/v1/chat/completions',
    () => properties(200, (i) => `{"type":"integer","multipleOf":${700 + i}}`),
    2,
  ],
  [
    '2,000 numbers between bounds',
    '/v1/chat/completions',
    () => properties(2000, (i) => `{"type":"number","minimum":${-1e-7 * i},"maximum":${9e6 + i}}`),
    2,
  ],
  [
    'a schema of 15 MB',
    '/v1/chat/completions',
    () => schema(`{"enum":[${many(199_000, (i) => `"${'x'.repeat(68)}${i}"`)}]}`),
    2,
  ],
  ['2,000 optional properties', '/v1/chat/completions', () => properties(2000, () => '{"type":"string"}'), 2],
  ['a pattern of many letters', '/v1/chat/completions', () => pattern('\\\\p{L}{0,3900}'), 2],
  ['a pattern too large', '/v1/chat/completions', () => pattern('(\\\\p{L}?\\\\p{N}?\\\\p{P}?){1200}'), 2],
  [
    'an ambiguous grammar',
    '/v1/completions',
    () =>
      '{"prompt":"x","max_tokens":9,"structured_outputs":{"grammar":"root ::= a{0,500}\\na ::= b{0,500}\\nb ::= [a-z]{0,500}"}}',
    2,
  ],
  ['15 MB that are not JSON', '/v1/chat/completions', () => 'x'.repeat(15 * MB), 2],
];

it.each(INPUTS)('%s does not stall a stream', async (name, path, makeBody, numAtOnce) => {
  const mostMs = name === '300 prompts' ? LONGEST_BATCH_MS : LONGEST_MS;
  const body = Buffer.from(makeBody());
  const stream = new AbortController();
  const beside = await post(
    '/v1/completions',
    '{"prompt":"The","max_tokens":1900,"ignore_eos":true,"stream":true}',
    stream.signal,
  );
  expect(beside.status).toBe(200);
  const pauses: number[] = [];
  const statuses = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    await longestPause();
    const answers = await Promise.all(
      Array.from({ length: numAtOnce }, async () => {
        const response = await post(path, body);
        await response.arrayBuffer();
        return response.status;
      }),
    );
    for (const status of answers) statuses.add(status);
    pauses.push(await longestPause());
  }
  stream.abort();
  for (const status of statuses) expect(status).toBeLessThan(500);
  expect(Math.min(...pauses)).toBeLessThan(mostMs * shareOfCores());
});
