/** What `dots bench` measures, one function a kind. */
import { CounterRandom } from '../core/counter-random.ts';
import { generate } from '../engine/generate.ts';
import type { Engine } from '../engine/open.ts';
import { score } from '../engine/score.ts';

export interface BenchTest {
  readonly name: string;
  readonly kind: 'read' | 'generate';
  readonly numTokens: number;
  /** Tokens that are in the cache before the clock starts. */
  readonly depth: number;
  readonly parallel: number;
}

export interface RunOptions {
  readonly seed: number;
  /** Each run reads other tokens, or it would find those of the last one in the cache. */
  readonly run: number;
  readonly signal: AbortSignal;
}

/** Streams of the seed: what is in the cache before the clock starts (by sequence), prompts (by run), first tokens (by sequence). */
const CONTEXT = 0;
const PROMPT = 1;
const FIRST_TOKENS = 2; // and one more for each run

/** All combinations, prompts first; several sequences at once are generated only. */
export function benchTests(flags: {
  readonly promptTokens: readonly number[];
  readonly newTokens: readonly number[];
  readonly depth: readonly number[];
  readonly parallel: readonly number[];
}): BenchTest[] {
  const tests: BenchTest[] = [];
  for (const depth of flags.depth) {
    const at = depth > 0 ? ` @ d${depth}` : '';
    for (const numTokens of flags.promptTokens.filter((n) => n > 0))
      tests.push({ name: `pp${numTokens}${at}`, kind: 'read', numTokens, depth, parallel: 1 });
    for (const numTokens of flags.newTokens.filter((n) => n > 0)) {
      for (const parallel of flags.parallel) {
        const times = parallel > 1 ? ` x ${parallel}` : '';
        tests.push({ name: `tg${numTokens}${times}${at}`, kind: 'generate', numTokens, depth, parallel });
      }
    }
  }
  return tests;
}

/** Tokens that the longest test's sequences have. */
export function contextNeeded(tests: readonly BenchTest[]): number {
  return Math.max(...tests.map((test) => Math.max(test.depth, 1) + test.numTokens + 1));
}

/** One run -> tokens per second. */
export function measure(engine: Engine, test: BenchTest, options: RunOptions): Promise<number> {
  return test.kind === 'read'
    ? measureReading(engine, test, options)
    : measureGenerating(engine, test, options);
}

async function measureReading(
  engine: Engine,
  test: BenchTest,
  { seed, run, signal }: RunOptions,
): Promise<number> {
  const before = randomTokens(engine, test.depth, new CounterRandom(seed, CONTEXT));
  if (before.length > 0) await readAll(engine, before, signal);
  const tokens = [...before, ...randomTokens(engine, test.numTokens, new CounterRandom(seed, PROMPT, run))];
  const startMs = performance.now();
  await readAll(engine, tokens, signal);
  return (1000 * test.numTokens) / (performance.now() - startMs);
}

async function readAll(engine: Engine, tokens: readonly number[], signal: AbortSignal): Promise<void> {
  for await (const _ of score(engine, tokens, tokens.length - 1, signal)) {
    // Only the last position has logits, as when a prompt is read.
  }
}

/** Counts tokens between two moments when all sequences are generating, so that no prompt is part of it. */
async function measureGenerating(
  engine: Engine,
  test: BenchTest,
  { seed, run, signal }: RunOptions,
): Promise<number> {
  const firstMs: number[] = [];
  const tokenMs: number[] = [];
  const lastMs: number[] = [];
  const sequence = async (index: number): Promise<void> => {
    // At depth the same prompt each time, which is in the cache from the second run on.
    const random = new CounterRandom(seed, test.depth > 0 ? CONTEXT : FIRST_TOKENS + run, index);
    const prompt = randomTokens(engine, Math.max(test.depth, 1), random);
    // One more than is counted: the first token comes from the prompt.
    const options = { maxTokens: test.numTokens + 1, temperature: 0, ignoreEos: true, signal };
    let isFirst = true;
    for await (const event of generate(engine, prompt, options)) {
      if (event.type === 'token-delta') {
        const now = performance.now();
        if (isFirst) firstMs.push(now);
        else tokenMs.push(now);
        isFirst = false;
      } else if (event.type === 'finish') lastMs.push(performance.now());
    }
  };
  await Promise.all(Array.from({ length: test.parallel }, (_, index) => sequence(index)));
  const start = Math.max(...firstMs);
  const end = Math.min(...lastMs);
  const counted = tokenMs.filter((ms) => ms > start && ms <= end).length;
  return (1000 * counted) / (end - start);
}

function randomTokens(engine: Engine, count: number, random: CounterRandom): number[] {
  const draws = random.drawsFrom(0);
  return Array.from({ length: count }, () => draws.below(engine.vocabSize));
}
