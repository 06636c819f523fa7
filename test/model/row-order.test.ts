import { describe, expect, it } from 'vitest';
import { pairedAttentionWeights } from '../../src/model/blocks/attention.ts';
import { rowOrder } from '../../src/model/row-order.ts';

const CONFIG = { hiddenSize: 4, numHeads: 2, numKeyValueHeads: 1, headSize: 6, normEps: 1e-5 };

describe('rowOrder()', () => {
  const [query, key, value] = pairedAttentionWeights(CONFIG);

  it('puts rows that turn together next to each other, head by head', () => {
    // As llama.cpp's converter: [heads, 2, H/2] -> [heads, H/2, 2].
    expect([...(rowOrder(query, 'hf', 'gguf') ?? [])]).toEqual([0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
    expect([...(rowOrder(key, 'hf', 'gguf') ?? [])]).toEqual([0, 3, 1, 4, 2, 5]);
  });

  it('and back', () => {
    const [there, back] = [rowOrder(query, 'hf', 'gguf'), rowOrder(query, 'gguf', 'hf')];
    expect(Array.from(there ?? [], (row) => back?.[row])).toEqual(Array.from({ length: 12 }, (_, i) => i));
  });

  it('leaves values, and files of one format, as they are', () => {
    expect(rowOrder(value, 'hf', 'gguf')).toBeUndefined();
    expect(rowOrder(query, 'gguf', 'gguf')).toBeUndefined();
  });
});
