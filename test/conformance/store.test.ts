import { describe, expect, it } from 'vitest';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import { compile } from '../../src/compile/compile.ts';
import { InternalError, ShapeError } from '../../src/core/errors.ts';
import { f32 } from '../../src/dtype/index.ts';
import { accumulate } from '../../src/graph/ops/accumulate.ts';
import { linear } from '../../src/graph/ops/linear.ts';
import { scale } from '../../src/graph/ops/scale.ts';
import { type Graph, trace } from '../../src/graph/tensor.ts';
import { candidates, reasonToSkip } from './backends.ts';

// What programs share through a store, on every backend.
const backends = [{ name: 'reference', backend: referenceBackend }, ...candidates()];

const weightGraph = (shape: number[]): Graph =>
  trace((g) => ({ out: linear(g.input('x', [1, 2], 'f32'), g.weight('w', shape)) }));
const stateGraph = trace((g) => ({
  out: accumulate(g.state('w', [2, 2]), scale(g.weight('w', [2, 2]), { factor: 2 })),
}));

describe.each(backends.map((one) => [one.name, one] as const))('a store, on %s', (name, candidate) => {
  const { backend } = candidate;
  const reason = name === 'reference' ? undefined : reasonToSkip(candidate, 'accumulate');
  if (backend === undefined || reason !== undefined) {
    it.skip(`not checked: ${reason}`, () => {});
    return;
  }
  const load = (graph: Graph, store: ReturnType<typeof backend.createStore>) =>
    backend.load(compile(graph, { name: 'store', supports: backend.supports }), new Map(), {
      stateBindings: {},
      stateType: f32,
      store,
    });
  const specs = [
    { name: 'w', shape: [2, 2] },
    { name: 'other', shape: [3] },
  ];

  it('what the caller writes a program reads, and what a program writes the caller and the next program read', async () => {
    const store = backend.createStore(specs);
    expect(store.names).toEqual(['w', 'other']);
    expect(store.sizeBytes).toBe(28);
    expect([...store.array('other')]).toEqual([0, 0, 0]);
    const reader = await load(weightGraph([2, 2]), store);
    const writer = await load(stateGraph, store);
    const x = Float32Array.of(1, 10);
    store.array('w').set([1, 2, 3, 4]);
    expect([...(await reader.run({ x }, {})).out]).toEqual([21, 43]);
    await writer.run({}, {});
    expect([...store.array('w')]).toEqual([3, 6, 9, 12]);
    expect([...(await reader.run({ x }, {})).out]).toEqual([63, 129]);
    await reader.close();
    expect([...store.array('w')]).toEqual([3, 6, 9, 12]);
    await writer.close();
    store.close();
  });

  it('a program that knows a tensor under another shape is refused', async () => {
    const store = backend.createStore(specs);
    await expect(load(weightGraph([3, 2]), store)).rejects.toThrow(ShapeError);
    store.close();
  });

  it('names that it lacks, and a closed store, are refused', () => {
    const store = backend.createStore(specs);
    expect(store.shape('nothing')).toBeUndefined();
    expect(() => store.array('nothing')).toThrow(InternalError);
    store.close();
    expect(() => store.array('w')).toThrow(InternalError);
  });

  it('closing it empties the arrays that it gave out, and a program loaded with it still works or reports it', async () => {
    const store = backend.createStore(specs);
    const array = store.array('w').fill(1);
    const reader = await load(weightGraph([2, 2]), store);
    store.close();
    store.close();
    expect(array).toHaveLength(0);
    const outcome = await reader.run({ x: Float32Array.of(1, 10) }, {}).catch((error: unknown) => error);
    // Native code has a share of the memory; the reference backend asks the store.
    if (outcome instanceof Error) expect(outcome).toBeInstanceOf(InternalError);
    else expect(outcome).toEqual({ out: Float32Array.of(11, 11) });
    await reader.close();
  });
});
