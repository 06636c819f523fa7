import { describe, expect, it } from 'vitest';
import { type MemorySource, MemoryStore } from '../../src/backend/memory-store.ts';
import { ResourceError } from '../../src/core/errors.ts';

const SPECS = [
  { name: 'a', shape: [3, 5] },
  { name: 'b', shape: [16] },
  { name: 'large', shape: [100] },
  { name: 'c', shape: [1] },
];

/** Heap memory that counts what is out, and has `numBlocks` of it. */
function counted(numBlocks: number): MemorySource & { readonly out: ArrayBuffer[] } {
  const out: ArrayBuffer[] = [];
  return {
    out,
    allocate: (sizeBytes) => {
      if (out.length === numBlocks) throw new RangeError('no more');
      out.push(new ArrayBuffer(sizeBytes));
      return out[out.length - 1];
    },
    free: (buffer) => void out.splice(out.indexOf(buffer), 1),
  };
}

describe('a store of more than one block', () => {
  it('keeps tensors apart, and within one block each, also one that is larger than a block', () => {
    const source = counted(9);
    const store = new MemoryStore(SPECS, source, 128);
    expect(source.out.map((block) => block.byteLength)).toEqual([128, 448, 64]);
    SPECS.forEach(({ name }, i) => {
      store.array(name).fill(i + 1);
    });
    expect(SPECS.map(({ name }) => [...new Set(store.array(name))])).toEqual([[1], [2], [3], [4]]);
    expect(store.array('a').length).toBe(15);
    expect(store.sizeBytes).toBe(4 * (15 + 16 + 100 + 1));
    store.close();
    expect(source.out).toEqual([]);
  });

  it('frees the first blocks where there is no memory for the next', () => {
    const source = counted(2);
    expect(() => new MemoryStore(SPECS, source, 128)).toThrow(ResourceError);
    expect(source.out).toEqual([]);
  });
});
