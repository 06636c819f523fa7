import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Executable } from '../../src/backend/backend.ts';
import { compile } from '../../src/compile/compile.ts';
import { Random } from '../../src/core/random.ts';
import { storageTypeByName } from '../../src/dtype/index.ts';
import { inferenceGraph } from '../../src/engine/inference-graph.ts';
import { Loop } from '../../src/engine/loop.ts';
import { PagePool } from '../../src/engine/page-pool.ts';
import { Routing } from '../../src/engine/routing.ts';
import { score } from '../../src/engine/score.ts';
import { PAGE_SIZE } from '../../src/graph/ops/cached-attention.ts';
import type { StoredWeight } from '../../src/graph/stored-weight.ts';
import {
  loadOptions,
  nativeBackend,
  nativeIsas,
  WIDE_CONFIG,
  weightsOfType,
  whyNoNative,
} from './stored-models.ts';

const MAX_THREADS = 4;
const PAGES_EACH = WIDE_CONFIG.contextLength / PAGE_SIZE;
const NUM_PAGES = 3 * PAGES_EACH;

/** A sequence read in pieces: so many new tokens with each step in which it takes part. */
interface Reading {
  readonly tokens: readonly number[];
  readonly cuts: readonly number[];
}

/** Logits of every position of every sequence; the sequences' pieces share steps, their pages lie here and there. */
async function readTogether(executable: Executable, readings: readonly Reading[]): Promise<Float32Array[][]> {
  const logits = readings.map((): Float32Array[] => []);
  const order = Array.from({ length: NUM_PAGES }, (_, page) => (page * 5 + 3) % NUM_PAGES);
  const done = readings.map(() => 0);
  for (let step = 0; readings.some(({ tokens }, b) => done[b] < tokens.length); step++) {
    const counts = readings.map(({ tokens, cuts }, b) =>
      Math.min(cuts[step % cuts.length], tokens.length - done[b]),
    );
    const inputs = {
      tokens: [] as number[],
      positions: [] as number[],
      sequences: [] as number[],
      pages: [] as number[],
    };
    readings.forEach(({ tokens }, b) => {
      for (let position = done[b]; position < done[b] + counts[b]; position++) {
        inputs.tokens.push(tokens[position]);
        inputs.positions.push(position);
        inputs.sequences.push(b);
      }
      inputs.pages.push(...order.slice(b * PAGES_EACH, (b + 1) * PAGES_EACH));
      done[b] += counts[b];
    });
    const T = inputs.tokens.length;
    const rows = Array.from({ length: T }, (_, t) => t);
    const run = await executable.run(
      {
        tokens: Int32Array.from(inputs.tokens),
        positions: Int32Array.from(inputs.positions),
        sequences: Int32Array.from(inputs.sequences),
        pages: Int32Array.from(inputs.pages),
        outputRows: Int32Array.from(rows),
      },
      { T, O: T, B: readings.length },
    );
    rows.forEach((row) => {
      const width = WIDE_CONFIG.vocabSize;
      logits[inputs.sequences[row]].push(run.logits.slice(row * width, (row + 1) * width));
    });
  }
  return logits;
}

const load = async (
  weights: ReadonlyMap<string, StoredWeight>,
  options: { threads: number; isa?: string },
  kvType: string,
): Promise<Executable> => {
  const backend = nativeBackend(options);
  const program = compile(inferenceGraph(WIDE_CONFIG, PAGES_EACH), {
    name: 'dots1',
    supports: backend.supports,
  });
  return backend.load(program, weights, loadOptions(NUM_PAGES, kvType));
};

const someTokens = (length: number, seed: number): number[] => {
  const random = new Random(seed);
  return Array.from({ length }, () => random.below(WIDE_CONFIG.vocabSize));
};

const bitsOf = (rows: readonly Float32Array[]): Buffer =>
  Buffer.concat(rows.map((row) => new Uint8Array(row.buffer, row.byteOffset, row.byteLength)));

const reading = fc.record({
  tokens: fc
    .tuple(fc.integer({ min: 1, max: 150 }), fc.nat(1000))
    .map(([length, seed]) => someTokens(length, seed)),
  cuts: fc
    .array(fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 150 })), {
      minLength: 1,
      maxLength: 5,
    })
    .filter((cuts) => cuts.some((cut) => cut > 0)),
});

// One type of each way in which rows are multiplied: floats, int8 blocks of 32 and of 256, codebooks.
const CASES = [
  ...[
    ['f32', 'f32'],
    ['bf16', 'f16'],
    ['q8_0', 'f16'],
    ['q4_0', 'q8_0'],
    ['q5_1', 'f16'],
  ],
  ...[
    ['q4_k', 'f16'],
    ['q6_k', 'q8_0'],
    ['iq2_xxs', 'f16'],
    ['iq4_xs', 'f32'],
    ['tq1_0', 'f16'],
  ],
] as const;

describe.skipIf(whyNoNative)(`the same bits, always ${whyNoNative ?? ''}`, () => {
  describe.each(CASES)('%s weights, %s cache', (typeName, kvType) => {
    const weights = whyNoNative ? new Map() : weightsOfType(WIDE_CONFIG, storageTypeByName(typeName), 4);
    let byThreads: Executable[] = [];
    beforeAll(async () => {
      byThreads = [];
      for (let threads = 1; threads <= MAX_THREADS; threads++)
        byThreads.push(await load(weights, { threads }, kvType));
    });
    afterAll(async () => {
      for (const executable of byThreads) await executable.close();
    });

    it('whatever else runs, however a prompt is chunked, however many threads there are', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(reading, { minLength: 1, maxLength: 3 }),
          fc.integer({ min: 0, max: MAX_THREADS - 1 }),
          async (readings, thread) => {
            const together = await readTogether(byThreads[thread], readings);
            for (const [b, { tokens }] of readings.entries()) {
              const [alone] = await readTogether(byThreads[0], [{ tokens, cuts: [tokens.length] }]);
              expect(bitsOf(together[b]).equals(bitsOf(alone))).toBe(true);
            }
          },
        ),
        { numRuns: 6, seed: 7 },
      );
    });

    it('on every instruction set', async () => {
      const readings = [
        { tokens: someTokens(140, 1), cuts: [67, 1, 1, 72] },
        { tokens: someTokens(20, 2), cuts: [20] },
      ];
      const best = bitsOf((await readTogether(byThreads[1], readings)).flat());
      for (const isa of nativeIsas()) {
        const executable = await load(weights, { threads: 3, isa }, kvType);
        const found = bitsOf((await readTogether(executable, readings)).flat());
        await executable.close();
        expect(found.equals(best), isa).toBe(true);
      }
    });
  });

  it('with a cold cache, a warm one, and pages that another sequence has used before', async () => {
    const executable = await load(
      weightsOfType(WIDE_CONFIG, storageTypeByName('q4_0'), 5),
      { threads: 2 },
      'f16',
    );
    const { vocabSize, hiddenSize, contextLength } = WIDE_CONFIG;
    const openLoop = (maxStepTokens: number) => {
      const loop = new Loop({
        executable,
        pool: new PagePool(NUM_PAGES),
        routing: new Routing(WIDE_CONFIG),
        pagesPerSequence: PAGES_EACH,
        vocabSize,
        hiddenSize,
        maxStepTokens,
        maxParallel: 3,
      });
      return { loop, vocabSize, contextLength, tokenizer: undefined, unusedTokens: new Set() };
    };
    const lastLogits = async (model: ReturnType<typeof openLoop>, tokens: number[]): Promise<Buffer> => {
      const rows: Float32Array[] = [];
      for await (const { logits_V } of score(model, tokens, tokens.length - 2)) rows.push(logits_V.slice());
      return bitsOf(rows);
    };
    const prefix = someTokens(100, 1);
    const sequences = [0, 30, 64, 90, 100].map((kept, i) => [
      ...prefix.slice(0, kept),
      ...someTokens(40 + i, 50 + i),
    ]);
    const expected: Buffer[] = [];
    for (const tokens of sequences) expected.push(await lastLogits(openLoop(512), tokens));
    for (const maxStepTokens of [512, 33, 1]) {
      // The second round finds its own prefixes, the third those of longer and shorter relatives.
      const warm = openLoop(maxStepTokens);
      for (const round of [sequences, sequences, [...sequences].reverse()]) {
        for (const tokens of round) {
          const found = await lastLogits(warm, tokens);
          expect(found.equals(expected[sequences.indexOf(tokens)])).toBe(true);
        }
      }
      await warm.loop.close();
    }
    await executable.close();
  });
});
