import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Executable, RunInputs } from '../../src/backend/backend.ts';
import { compile } from '../../src/compile/compile.ts';
import { storageTypeByName } from '../../src/dtype/index.ts';
import { inferenceGraph } from '../../src/engine/inference-graph.ts';
import { loadOptions, nativeBackend, WIDE_CONFIG, weightsOfType, whyNoNative } from './stored-models.ts';

const NUM_PAGES = 16;
const LENGTH = NUM_PAGES * 64;

const backend = whyNoNative ? undefined : nativeBackend();
const weights = weightsOfType(WIDE_CONFIG, storageTypeByName('q8_0'), 6);

async function load(): Promise<Executable> {
  if (!backend) throw new Error(whyNoNative);
  const program = compile(inferenceGraph(WIDE_CONFIG, NUM_PAGES), {
    name: 'dots1',
    supports: backend.supports,
  });
  return backend.load(program, weights, loadOptions(NUM_PAGES));
}

const inputs = (length: number): RunInputs => ({
  tokens: Int32Array.from({ length }, (_, i) => (i * 7) % WIDE_CONFIG.vocabSize),
  positions: Int32Array.from({ length }, (_, i) => i),
  sequences: new Int32Array(length),
  pages: Int32Array.from({ length: NUM_PAGES }, (_, page) => page),
  outputRows: Int32Array.of(length - 1),
});

/** The logits of the last of `length` tokens: a thousand of them take long enough to be interrupted. */
const logitsOf = async (
  executable: Executable,
  length: number,
  signal?: AbortSignal,
): Promise<Float32Array> => (await executable.run(inputs(length), { T: length, O: 1, B: 1 }, signal)).logits;

describe.skipIf(whyNoNative)(`the life of a native executable ${whyNoNative ?? ''}`, () => {
  let executable: Executable;
  let expected: Float32Array;
  beforeAll(async () => {
    executable = await load();
    expected = await logitsOf(executable, LENGTH);
  });
  afterAll(() => executable?.close());

  it('an aborted run ends with the reason, and the next one is right', async () => {
    let numAborted = 0;
    for (let delayMs = 0; delayMs < 12; delayMs++) {
      const controller = new AbortController();
      const reason = new Error(`stop after ${delayMs} ms`);
      const run = logitsOf(executable, LENGTH, controller.signal);
      setTimeout(() => controller.abort(reason), delayMs);
      const outcome = await run.catch((error: unknown) => error);
      if (outcome === reason) numAborted++;
      else expect(outcome).toEqual(expected);
    }
    expect(numAborted).toBeGreaterThan(0);
    expect(await logitsOf(executable, LENGTH)).toEqual(expected);
  });

  it('an abort is heard at once, not when the run is over', async () => {
    const timed = async (work: () => Promise<unknown>): Promise<number> => {
      const startMs = performance.now();
      await work();
      return performance.now() - startMs;
    };
    const whole: number[] = [];
    const aborted: number[] = [];
    for (let i = 0; i < 8; i++) {
      whole.push(await timed(() => logitsOf(executable, LENGTH)));
      const controller = new AbortController();
      const run = logitsOf(executable, LENGTH, controller.signal);
      controller.abort();
      aborted.push(await timed(() => expect(run).rejects.toThrow(/abort/i)));
    }
    // One of some fifty instructions may be under way. The shortest times are those that no other process disturbed.
    expect(Math.min(...aborted)).toBeLessThan(Math.min(...whole) / 2);
  });

  it('a signal that is aborted already runs nothing', async () => {
    await expect(logitsOf(executable, LENGTH, AbortSignal.abort())).rejects.toThrow(/abort/i);
  });

  it('two runs at once are refused, and the first one is not disturbed', async () => {
    const first = logitsOf(executable, LENGTH);
    await expect(logitsOf(executable, 3)).rejects.toThrow('another run is under way');
    expect(await first).toEqual(expected);
    expect(await logitsOf(executable, LENGTH)).toEqual(expected);
  });

  it('two executables of one backend run side by side', async () => {
    const other = await load();
    const [first, second] = await Promise.all([logitsOf(executable, LENGTH), logitsOf(other, LENGTH)]);
    expect(first).toEqual(expected);
    expect(second).toEqual(expected);
    await other.close();
  });

  it('closing while a run is under way lets it finish; after that there is only an error', async () => {
    const other = await load();
    const run = logitsOf(other, LENGTH);
    await other.close();
    await other.close();
    expect(await run).toEqual(expected);
    await expect(logitsOf(other, 3)).rejects.toMatchObject({ name: 'ResourceError', code: 'closed' });
  });

  it('a step without tokens, and one without logits, leave the cache as the next one needs it', async () => {
    const other = await load();
    const { tokens, positions, sequences, pages } = inputs(LENGTH);
    const run = (begin: number, end: number, rows: number[]) =>
      other.run(
        {
          tokens: tokens.slice(begin, end),
          positions: positions.slice(begin, end),
          sequences: sequences.slice(begin, end),
          pages,
          outputRows: Int32Array.from(rows),
        },
        { T: end - begin, O: rows.length, B: 1 },
      );
    expect((await run(0, 0, [])).logits).toHaveLength(0);
    expect((await run(0, 700, [])).logits).toHaveLength(0);
    expect((await run(700, LENGTH, [LENGTH - 701])).logits).toEqual(expected);
    await other.close();
  });

  it('inputs that point nowhere are an error, not a crash', async () => {
    const wrong = (change: Partial<Record<string, Int32Array>>): Promise<unknown> =>
      executable.run({ ...inputs(4), ...change } as RunInputs, { T: 4, O: 1, B: 1 });
    await expect(wrong({ tokens: Int32Array.of(0, 1, 2, 96) })).rejects.toThrow(
      'a token id is outside of the table',
    );
    await expect(wrong({ tokens: Int32Array.of(0, 1, 2) })).rejects.toThrow('an input has another length');
    await expect(wrong({ positions: Int32Array.of(0, 1, 2, LENGTH) })).rejects.toThrow(
      'position without a page',
    );
    await expect(wrong({ sequences: Int32Array.of(0, 0, 0, 1) })).rejects.toThrow('sequence out of range');
    await expect(wrong({ pages: new Int32Array(NUM_PAGES).fill(NUM_PAGES) })).rejects.toThrow(
      'page out of range',
    );
    await expect(wrong({ outputRows: Int32Array.of(4) })).rejects.toThrow(
      'a row is taken that does not exist',
    );
    expect(await logitsOf(executable, LENGTH)).toEqual(expected);
  });
});
