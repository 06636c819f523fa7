import { availableParallelism } from 'node:os';
import { UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { Engine } from '../engine/open.ts';
import { formatRate } from './answer.ts';
import { findLimits, type Limits } from './bench-limit.ts';
import { benchTests, contextNeeded, measure } from './bench-tests.ts';
import { openModel } from './open-model.ts';
import { type CommonFlags, chosenThreads, type ModelFlags } from './options.ts';
import { printable } from './printable.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';

export interface BenchFlags extends CommonFlags, Pick<ModelFlags, 'kvType' | 'expertCache' | 'expertIo'> {
  readonly promptTokens: number[];
  readonly newTokens: number[];
  readonly depth: number[];
  readonly repetitions: number;
  readonly parallel: number[];
  readonly seed: number;
  /** An instruction set other than the best one. */
  readonly isa?: string;
}

/** One line of the result. */
export interface BenchRow {
  /** As llama-bench writes it: `pp512`, `tg128`, `tg128 @ d4096`; and `tg128 x 8` for eight sequences at once. */
  readonly test: string;
  readonly tokensPerSecond: { readonly median: number; readonly min: number; readonly max: number };
  /** Of what the machine could do; null where that is not known. */
  readonly limitPercent: number | null;
  /** What 100 % is: tokens per second. */
  readonly limit: number | null;
}

/** Of a prompt, read in one step. */
const STEP_TOKENS = 512;

/** `dots bench`: tokens per second of reading prompts (pp) and of generating (tg). */
export async function bench(session: Session, model: string | undefined, flags: BenchFlags): Promise<void> {
  const tests = benchTests(flags);
  if (tests.length === 0) {
    throw new UsageError('There is nothing to measure', {
      code: 'empty-bench',
      hint: 'give a number above 0 to -p or to -n',
    });
  }
  await using engine = await openModel(
    session,
    model,
    { ...flags, ctx: contextNeeded(tests) },
    {
      maxParallel: Math.max(...tests.map((test) => test.parallel)),
      maxStepTokens: STEP_TOKENS,
      ...(flags.isa !== undefined && { isa: flags.isa }),
    },
  );
  const threads = numThreads(session, engine, flags);
  const limits = await findLimits(engine, threads, flags.kvType);
  const rows: BenchRow[] = [];
  const progress = session.progress('measuring', 'runs', flags);
  const runsEach = flags.repetitions + 1;
  try {
    for (const [index, test] of tests.entries()) {
      const rates: number[] = [];
      for (let run = 0; run < runsEach; run++) {
        progress.update(index * runsEach + run, tests.length * runsEach, test.name);
        const rate = await measure(engine, test, { seed: flags.seed, run, signal: session.signal });
        // The first run pays for pages touched and code compiled for the first time.
        if (run > 0) rates.push(rate);
      }
      const tokensPerSecond = summarise(rates);
      const limit = limits?.rate(test, STEP_TOKENS) ?? null;
      const limitPercent = limit === null ? null : (100 * tokensPerSecond.median) / limit;
      rows.push({ test: test.name, tokensPerSecond, limitPercent, limit });
    }
  } finally {
    progress.clear();
  }
  if (flags.json) {
    const { name: backend, description } = engine.backend;
    const machine = limits?.machine ?? null;
    await session.json({ model: engine.files.name, backend, description, threads, machine, rows });
  } else await print(session, engine, flags, limits, rows);
}

function summarise(rates: readonly number[]): BenchRow['tokensPerSecond'] {
  const sorted = rates.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1] };
}

function numThreads(session: Session, engine: Engine, flags: BenchFlags): number {
  return engine.backend.name === 'reference' ? 1 : (chosenThreads(flags, session) ?? availableParallelism());
}

async function print(
  session: Session,
  engine: Engine,
  flags: BenchFlags,
  limits: Limits | undefined,
  rows: readonly BenchRow[],
): Promise<void> {
  const name = session.style('bold', printable(engine.files.name));
  await session.line(`${name}, ${engine.backend.description}, median of ${formatCount(flags.repetitions)}`);
  const cells = rows.map(({ test, tokensPerSecond: { median, min, max }, limitPercent }) => [
    test,
    formatRate(median),
    formatRate(min),
    formatRate(max),
    limitPercent === null ? '–' : `${limitPercent.toFixed(0)}%`,
  ]);
  for (const line of table([['test', 'tokens/s', 'min', 'max', 'of limit'], ...cells], 'lrrrr'))
    await session.line(line);
  if (limits) {
    const { readBytesPerSecond, floatMultipliesPerSecond, byteMultipliesPerSecond } = limits.machine;
    const giga = (value: number): string => (value / 1e9).toPrecision(3);
    await session.line(
      `limit: ${giga(readBytesPerSecond)} GB/s read, ${giga(floatMultipliesPerSecond)} G f32 and ` +
        `${giga(byteMultipliesPerSecond)} G 8-bit multiply-adds/s, measured just before`,
    );
  }
}
