import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainEncoder } from '../../src/convert/encode-runs.ts';
import { Random } from '../../src/core/random.ts';
import { storageTypeByName } from '../../src/dtype/index.ts';
import { openModelFiles } from '../../src/engine/model-files.ts';
import { chooseBackend } from '../../src/engine/open.ts';
import { bindWeights } from '../../src/model/bind-weights.ts';
import { ResidentModel } from '../../src/recipe/resident-model.ts';
import { type PreparedSearch, prepareSearch, searchRecipe, sizeOf } from '../../src/recipe/search-recipe.ts';
import { quantisedSpecs } from '../../src/recipe/sensitivities.ts';
import { tensorEncoder } from '../../src/recipe/type-costs.ts';

const TINY = fileURLToPath(new URL('../fixtures/tiny-llamacpp.gguf', import.meta.url));
const ANY = { bytes: Number.POSITIVE_INFINITY, readBytes: Number.POSITIVE_INFINITY };

let model: ResidentModel;

async function prepared(types: readonly string[]): Promise<PreparedSearch> {
  const random = new Random(2);
  const texts = Array.from({ length: 20 }, () => Int32Array.from({ length: 32 }, () => random.below(400)));
  // The encoders in TypeScript, so that there need not be others.
  const importance = { origin: 'none', datasets: [], numChunks: 0, chunkTokens: 0, entries: new Map() };
  const encoding = { encoder: tensorEncoder(plainEncoder(), importance), importance, typesFor: () => types };
  return await prepareSearch(model, { search: texts.slice(0, 16), guard: texts.slice(16) }, encoding);
}

/** Every matrix as one type. */
function uniform(name: string) {
  const type = storageTypeByName(name);
  return { name, types: new Map(quantisedSpecs(model).map(({ gguf }) => [gguf, type])) };
}

beforeAll(async () => {
  const files = await openModelFiles(TINY);
  const { weights } = bindWeights(files.config, files.tensors, files.format, files.origin);
  model = await ResidentModel.open(await chooseBackend({}), files.config, weights);
  await files.close();
});
afterAll(() => model.close());

describe('searchRecipe()', () => {
  it('is better than one type for all in the same bytes, as predicted', async () => {
    const search = await prepared(['q4_0', 'q5_0', 'q8_0']);
    const mix = uniform('q5_0');
    const budget = { ...ANY, bytes: sizeOf(search.tensors, mix.types).bytes };
    const { kl, guard, bytes, mix: taken, shares } = await searchRecipe(search, budget, [mix]);
    expect(bytes).toBeLessThanOrEqual(budget.bytes);
    expect(taken).toBeUndefined();
    expect(guard.kl).toBeLessThan(guard.mix?.kl as number);
    expect((kl.predicted as number) / kl.measured).toBeGreaterThan(0.6);
    expect((kl.predicted as number) / kl.measured).toBeLessThan(1.6);
    expect([...shares.values()].reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
  }, 30_000);

  it('takes a named mix that is better on text which the search did not see', async () => {
    const search = await prepared(['q4_0']);
    const before = model.weight('output').slice();
    const found = await searchRecipe(search, ANY, [uniform('q8_0')]);
    expect(found.mix).toBe('q8_0');
    expect([...found.types.values()].every(({ name }) => name === 'q8_0')).toBe(true);
    expect(found.kl.predicted).toBeUndefined();
    // The model is as it was.
    expect(model.weight('output')).toEqual(before);
  }, 30_000);
});
