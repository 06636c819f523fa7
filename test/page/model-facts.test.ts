import { describe, expect, it } from 'vitest';
import { readFacts } from '../../page/src/core/model-facts.ts';

describe('readFacts()', () => {
  it('reads what the server says, the largest share of the weights first', () => {
    const facts = readFacts({
      parameters: { total: 10, active: 4 },
      n_ctx: 64,
      weight_bytes: { f32: 1, q8_0: 9 },
      memory: { weights: 10, kv: 2, prefix_cache: 3, kv_capacity: 8 },
    });
    expect(facts).toMatchObject({
      parameters: 10,
      activeParameters: 4,
      contextLength: 64,
      numLayers: undefined,
    });
    expect(facts.types.map(({ name }) => name)).toEqual(['q8_0', 'f32']);
    expect(facts.memory).toEqual({ weights: 10, kv: 5, kvCapacity: 8 });
  });

  it.each([undefined, null, 7, [], { memory: { weights: 'x' }, weight_bytes: 7, parameters: null }])(
    'has nothing of %j',
    (props) => {
      const { types, ...others } = readFacts(props);
      expect(types).toEqual([]);
      expect(Object.values(others).every((value) => value === undefined)).toBe(true);
    },
  );
});
