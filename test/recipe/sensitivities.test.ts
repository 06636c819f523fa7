import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { openModelFiles } from '../../src/engine/model-files.ts';
import { chooseBackend } from '../../src/engine/open.ts';
import { bindWeights } from '../../src/model/bind-weights.ts';
import { DivergenceMeter, meanOf } from '../../src/recipe/measure-divergence.ts';
import { ResidentModel } from '../../src/recipe/resident-model.ts';
import { biasOf, collectSensitivities, type Sensitivities } from '../../src/recipe/sensitivities.ts';
import type { SquaredGradients } from '../../src/recipe/squared-gradients.ts';

const TINY = fileURLToPath(new URL('../fixtures/tiny-llamacpp.gguf', import.meta.url));

let model: ResidentModel;
let found: Sensitivities;
let texts: Int32Array[];

beforeAll(async () => {
  const files = await openModelFiles(TINY);
  const { weights } = bindWeights(files.config, files.tensors, files.format, files.origin);
  model = await ResidentModel.open(await chooseBackend({}), files.config, weights);
  await files.close();
  const random = new Random(1);
  texts = Array.from({ length: 48 }, () => Int32Array.from({ length: 32 }, () => random.below(400)));
  found = await collectSensitivities(model, texts);
}, 60_000);
afterAll(() => model.close());

/** An error of one size and random sign in each value of a weight, while `during` runs. */
async function withErrors<T>(name: string, size: number, seed: number, during: () => Promise<T>): Promise<T> {
  const values = model.weight(name);
  const before = values.slice();
  const random = new Random(seed);
  for (let i = 0; i < values.length; i++) values[i] += random.uniform() < 0.5 ? size : -size;
  try {
    return await during();
  } finally {
    values.set(before);
  }
}

/** Σ of mean squares over all elements: of errors of one size, independent of each other, it is the mean of the square. */
function total(squares: SquaredGradients | undefined): number {
  return squares?.rows.reduce((sum, value) => sum + value, 0) ?? 0;
}

describe('sensitivities', () => {
  it.each(['output', 'layers.2.experts.down', 'layers.2.shared.down'])(
    'half the squared gradients are the divergence that small errors make, and it grows as their square: %s',
    async (part) => {
      const name = [...found.likelihood.keys()].find((key) => key.startsWith(part)) ?? part;
      const predicted = total(found.likelihood.get(name)) / 2;
      expect(predicted).toBeGreaterThan(0);
      const meter = await DivergenceMeter.open(model, texts.slice(0, 16));
      const measure = async (size: number): Promise<number> => {
        let sum = 0;
        for (let seed = 0; seed < 4; seed++)
          sum += await withErrors(name, size, seed, async () => meanOf(await meter.measure()));
        return sum / 4 / size ** 2;
      };
      const scale = Math.sqrt(1e-4 / predicted);
      const small = await measure(scale);
      expect(small / predicted).toBeGreaterThan(0.7);
      expect(small / predicted).toBeLessThan(1.4);
      expect((await measure(2 * scale)) / small).toBeCloseTo(1, 1);
    },
  );

  it('squared gradients of margins are the variance of margins under small errors', async () => {
    const margin = found.margins.at(-1) as (typeof found.margins)[number];
    const name = [...margin.squares.keys()].find((key) => key.includes('experts')) as string;
    const predicted = total(margin.squares.get(name));
    const size = Math.sqrt(1e-8 / predicted);
    const bias = biasOf(model, margin);
    const { numExperts, numChosen, layer } = margin;
    let [sum, count] = [0, 0];
    for (const text of texts.slice(0, 12)) {
      const before = (await model.scores(text)).get(layer) as Float32Array;
      const after = await withErrors(
        ...([name, size, count] as const),
        async () => (await model.scores(text)).get(layer) as Float32Array,
      );
      for (let start = 0; start < before.length; start += numExperts) {
        const order = Array.from({ length: numExperts }, (_, e) => e).sort(
          (a, b) => before[start + b] + bias[b] - before[start + a] - bias[a],
        );
        const [a, b] = [start + order[numChosen - 1], start + order[numChosen]];
        sum += (after[a] - after[b] - before[a] + before[b]) ** 2;
        count++;
      }
    }
    expect(sum / count / size ** 2 / predicted).toBeGreaterThan(0.6);
    expect(sum / count / size ** 2 / predicted).toBeLessThan(1.6);
  });

  it('weights that a router does not depend on have no part in its margins', () => {
    for (const { layer, squares } of found.margins) {
      expect(squares.has('output')).toBe(false);
      for (const name of squares.keys()) {
        const own = Number(/^layers\.(\d+)\./.exec(name)?.[1] ?? -1);
        expect(own).toBeLessThanOrEqual(layer);
      }
    }
  });

  it('unchanged weights have no divergence', async () => {
    const meter = await DivergenceMeter.open(model, texts.slice(0, 4));
    expect(Math.abs(meanOf(await meter.measure()))).toBeLessThan(1e-12);
  });
});
