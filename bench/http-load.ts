/** A crowd of clients for a server: some read, some disconnect, some stall, some send malformed requests. Every answer is checked. */

export interface LoadOptions {
  /** `http://127.0.0.1:8000`. */
  readonly url: string;
  readonly numClients: number;
  readonly seconds: number;
  readonly seed: number;
  /** Context of the model; a prompt beyond it is sent now and then. */
  readonly contextLength: number;
}

export interface LoadReport {
  readonly counts: Readonly<Record<string, number>>;
  /** Answers that are not those of the same request alone. Must be none. */
  readonly wrong: readonly string[];
  readonly tokens: number;
  readonly tokensPerSecond: number;
  /** Between two tokens of one answer, of those that are read without pause. */
  readonly interTokenMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly firstTokenMs: { readonly p50: number; readonly p99: number };
}

interface Question {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const OPENINGS = [
  'The little lighthouse',
  'Every evening its keeper',
  'The bell',
  'Far out at sea',
  'A storm',
  'In the',
];

/** Requests that differ in route, length, sampling, form and seed. */
export function questions(count: number): Question[] {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string', maxLength: 12 }, old: { type: 'boolean' } },
    required: ['name', 'old'],
  };
  return Array.from({ length: count }, (_, i) => {
    const opening = `${OPENINGS[i % OPENINGS.length]} ${'and then '.repeat((i * 7) % 24)}`;
    const messages = [{ role: 'user', content: opening }];
    const common = { max_tokens: 8 + ((i * 13) % 56), seed: i, temperature: i % 3 === 0 ? 0 : 0.9 };
    switch (i % 5) {
      case 0:
        return { path: '/v1/completions', body: { ...common, prompt: opening, logprobs: 2 } };
      case 1:
        return { path: '/v1/chat/completions', body: { ...common, messages, n: 2 } };
      case 2:
        return {
          path: '/v1/chat/completions',
          body: {
            ...common,
            messages,
            response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
          },
        };
      case 3:
        return {
          path: '/v1/chat/completions',
          body: { ...common, messages, top_p: 0.8, frequency_penalty: 0.5 },
        };
      default:
        return {
          path: '/v1/chat/completions',
          body: { ...common, messages, logprobs: true, top_logprobs: 3 },
        };
    }
  });
}

export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const { url, numClients, seconds } = options;
  const asked = questions(40);
  const expected: string[] = [];
  // Alone: one after another, nothing else running.
  for (const question of asked) expected.push(await askWhole(url, question));

  const random = mulberry(options.seed);
  const counts: Record<string, number> = {};
  const wrong: string[] = [];
  const gaps: number[] = [];
  const firsts: number[] = [];
  let tokens = 0;
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;

  const once = async (): Promise<void> => {
    const index = Math.floor(random() * asked.length);
    const question = asked[index];
    const dice = random();
    const kind =
      dice < 0.65
        ? 'read'
        : dice < 0.78
          ? 'abort'
          : dice < 0.83
            ? 'slow'
            : dice < 0.88
              ? 'malformed'
              : dice < 0.93
                ? 'oversized'
                : 'whole';
    counts[kind] = (counts[kind] ?? 0) + 1;
    const check = (text: string): void => {
      if (text !== expected[index])
        wrong.push(`${kind} ${JSON.stringify(question.body)}: ${text} instead of ${expected[index]}`);
    };
    if (kind === 'read' || kind === 'slow') {
      const pauseMs = kind === 'slow' ? 15 : 0;
      const times = kind === 'read' ? { gaps, firsts } : undefined;
      const answer = await askStream(url, question, { pauseMs, times });
      tokens += answer.tokens;
      check(answer.text);
    } else if (kind === 'abort') {
      await askStream(url, question, { abortAfter: 1 + Math.floor(random() * 20) });
    } else if (kind === 'whole') {
      check(await askWhole(url, question));
    } else {
      const body = kind === 'malformed' ? brokenBody(question, random) : oversized(options.contextLength);
      const response = await post(url, '/v1/chat/completions', body);
      const text = await response.text();
      if (response.status !== 400 || typeof JSON.parse(text).error?.message !== 'string')
        wrong.push(`${kind}: ${response.status} ${text.slice(0, 200)}`);
    }
  };
  const client = async (): Promise<void> => {
    while (performance.now() < endMs) {
      try {
        await once();
      } catch (error) {
        wrong.push(`failed: ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: numClients }, client));
  return {
    counts,
    wrong,
    tokens,
    tokensPerSecond: (1000 * tokens) / (performance.now() - startMs),
    interTokenMs: { p50: quantile(gaps, 0.5), p99: quantile(gaps, 0.99), max: quantile(gaps, 1) },
    firstTokenMs: { p50: quantile(firsts, 0.5), p99: quantile(firsts, 0.99) },
  };
}

function post(url: string, path: string, body: string): Promise<Response> {
  return fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
}

async function askWhole(url: string, { path, body }: Question): Promise<string> {
  const response = await post(url, path, JSON.stringify(body));
  const answer = (await response.json()) as { choices: { text?: string; message?: { content: string } }[] };
  return JSON.stringify(answer.choices.map(({ text, message }) => text ?? message?.content ?? ''));
}

interface StreamOptions {
  readonly pauseMs?: number;
  readonly abortAfter?: number;
  readonly times?: { readonly gaps: number[]; readonly firsts: number[] } | undefined;
}

/** Texts by index, and the number of events with text. */
export async function askStream(
  url: string,
  { path, body }: Question,
  { pauseMs = 0, abortAfter = Number.POSITIVE_INFINITY, times }: StreamOptions = {},
): Promise<{ text: string; tokens: number }> {
  const texts: string[] = Array(Number(body.n ?? 1)).fill('');
  let tokens = 0;
  const startMs = performance.now();
  // The second answer to a question may have to wait for a place.
  const lastMs: (number | undefined)[] = texts.map(() => undefined);
  const onEvent = (data: string): void => {
    if (data === '[DONE]') return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new Error(chunk.error.message);
    for (const { index, text, delta } of chunk.choices) {
      const piece: string = text ?? delta?.content ?? '';
      if (piece === '') continue;
      texts[index] += piece;
      const now = performance.now();
      const last = lastMs[index];
      if (times && tokens === 0) times.firsts.push(now - startMs);
      else if (times && last !== undefined) times.gaps.push(now - last);
      lastMs[index] = now;
      tokens++;
    }
  };
  const response = await post(url, path, JSON.stringify({ ...body, stream: true }));
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    rest += decoder.decode(bytes, { stream: true });
    const events = rest.split('\n\n');
    rest = events.pop() as string;
    for (const event of events) if (event.startsWith('data: ')) onEvent(event.slice('data: '.length));
    // Leaving the iteration closes the connection.
    if (tokens >= abortAfter) break;
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return { text: JSON.stringify(texts), tokens };
}

function brokenBody({ body }: Question, random: () => number): string {
  const text = JSON.stringify(body);
  const choices = [
    text.slice(0, Math.floor(random() * text.length)),
    '{"messages": "text"}',
    '{"messages": [{"role": "user", "content": 5}]}',
    JSON.stringify({ ...body, messages: [{ role: 'user', content: 'x' }], temperature: -1 }),
    '[]',
  ];
  return choices[Math.floor(random() * choices.length)];
}

function oversized(contextLength: number): string {
  return JSON.stringify({ messages: [{ role: 'user', content: '1 '.repeat(contextLength) }] });
}

export function quantile(values: number[], share: number): number {
  if (values.length === 0) return 0;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** The same sequence for the same seed. */
function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
