import { describe, expect, it } from 'vitest';
import { parseRecipe, type Recipe, recipeText, typesOfRecipe } from '../../src/recipe/recipe.ts';

const RECIPE: Recipe = {
  format: 1,
  version: '0.1.0',
  objective: 'kl',
  budget: { bytes: 1000 },
  model: 'aa',
  calibration: 'bb',
  importance: 'cc',
  kl: { gradients: 1, predicted: 1, measured: 1, guard: 1, mix: { name: 'q4_0', kl: 2 } },
  types: { 'output.weight': 'q8_0' },
};

describe('parseRecipe()', () => {
  it('reads what recipeText() writes', () => {
    expect(parseRecipe(recipeText(RECIPE), 'r.json')).toEqual(RECIPE);
  });

  it.each<[string, object]>([
    ['a type that does not exist', { types: { 'output.weight': 'q9_9' } }],
    ['a type of integers, which is not a type of weights', { types: { 'output.weight': 'i32' } }],
    ['a type that is not written', { types: { 'output.weight': 'f64' } }],
    ['a divergence that is a text', { kl: { measured: '0.1', guard: 1 } }],
    ['a divergence on no other text', { kl: { measured: 0.1 } }],
    ['a mix without its divergence', { kl: { measured: 1, guard: 1, mix: { name: 'q4_0' } } }],
    ['measurements that are none', { kl: 'good' }],
    ['no budget', { budget: null }],
    ['a later format', { format: 2 }],
  ])('refuses %s before anything is written', (_, change) => {
    expect(() => parseRecipe(JSON.stringify({ ...RECIPE, ...change }), 'r.json')).toThrow(
      expect.objectContaining({ code: 'damaged-recipe', message: expect.stringContaining('r.json') }),
    );
  });
});

describe('typesOfRecipe()', () => {
  it('refuses a recipe without a type for each matrix', () => {
    const tensors = [{ name: 'output.weight', shape: [64, 64] }];
    expect(typesOfRecipe(RECIPE, tensors, 'r.json').get('output.weight')?.name).toBe('q8_0');
    expect(() => typesOfRecipe({ ...RECIPE, types: {} }, tensors, 'r.json')).toThrow(
      /no type for output\.weight/,
    );
  });
});
