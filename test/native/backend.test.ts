import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Executable } from '../../src/backend/backend.ts';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import { compile } from '../../src/compile/compile.ts';
import type { Program } from '../../src/compile/program.ts';
import { f32 } from '../../src/dtype/index.ts';
import { symbol } from '../../src/graph/dim.ts';
import { cachedAttention } from '../../src/graph/ops/cached-attention.ts';
import { causalAttention } from '../../src/graph/ops/causal-attention.ts';
import { linear } from '../../src/graph/ops/linear.ts';
import type { StoredWeight } from '../../src/graph/stored-weight.ts';
import { type Graph, trace } from '../../src/graph/tensor.ts';
import { loadOptions, nativeBackend, nativeIsas, whyNoNative } from './stored-models.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-backend-'));
afterAll(() => rmSync(folder, { recursive: true }));

const T = symbol('T');

describe.skipIf(whyNoNative)(`kernelId ${whyNoNative ?? ''}`, () => {
  it('differs where the kernels do, and not with the number of threads', () => {
    const ids = [referenceBackend, ...nativeIsas().map((isa) => nativeBackend({ isa }))].map(
      ({ kernelId }) => kernelId,
    );
    expect(new Set(ids).size).toBe(1 + nativeIsas().length);
    expect(nativeBackend({ threads: 1 }).kernelId).toBe(nativeBackend({ threads: 3 }).kernelId);
  });
});

describe.skipIf(whyNoNative)(`what the native backend cannot load ${whyNoNative ?? ''}`, () => {
  // The body of a group that is skipped runs all the same.
  const backend = whyNoNative ? referenceBackend : nativeBackend({ threads: 1 });
  const compiled = (graph: Graph): Program => compile(graph, { name: 'heads', supports: backend.supports });
  const trained = (headSize: number): Graph =>
    trace((graph) => {
      const [q, k, v] = ['q', 'k', 'v'].map((name) => graph.input(name, [T, 1, headSize], 'f32'));
      return { out: causalAttention(q, k, v, graph.input('sequences', [T])) };
    });
  const cached = (headSize: number): Graph =>
    trace((graph) => {
      const [q, k, v] = ['q', 'k', 'v'].map((name) => graph.input(name, [T, 1, headSize], 'f32'));
      const [positions, sequences] = ['positions', 'sequences'].map((name) => graph.input(name, [T]));
      const pages = graph.input('pages', [symbol('B'), 1]);
      const [keys, values] = ['keys', 'values'].map((name) =>
        graph.state(name, [symbol('P'), 1, 64, headSize]),
      );
      return { out: cachedAttention(q, k, v, positions, sequences, pages, keys, values) };
    });

  it.each([
    ['attention over the KV cache', cached, 1024],
    ['causal attention', trained, 256],
  ])('%s takes heads as wide as its kernels do, and names wider ones', async (_, graph, widest) => {
    const load = (width: number): Promise<Executable> =>
      backend.load(compiled(graph(width)), new Map(), loadOptions(1));
    await (await load(widest)).close();
    await expect(load(widest + 2)).rejects.toMatchObject({
      name: 'UnsupportedError',
      code: 'unsupported-head-width',
      message: expect.stringContaining(`its heads are ${widest + 2} wide`),
      hint: expect.stringContaining('reference'),
    });
  });

  it('advises smaller micro-batches where a training step does not fit, and a shorter context elsewhere', async () => {
    const program = compiled(cached(1024));
    const vast = { ...loadOptions(1), stateBindings: { P: 2 ** 30 } };
    await expect(backend.load(program, new Map(), vast)).rejects.toMatchObject({
      name: 'ResourceError',
      hint: expect.stringContaining('shorter context'),
    });
    const store = backend.createStore([]);
    await expect(backend.load(program, new Map(), { ...vast, store })).rejects.toMatchObject({
      name: 'ResourceError',
      hint: expect.stringContaining('"microBatchTokens"'),
    });
    await store.close();
  });

  it('advises to look at a file that cannot be mapped', async () => {
    const path = join(folder, 'empty.gguf');
    writeFileSync(path, '');
    const program = compiled(
      trace((graph) => ({ out: linear(graph.input('x', [T, 8], 'f32'), graph.weight('w', [8, 8])) })),
    );
    const part = { sizeBytes: 256, file: { path, offset: 0 }, read: async () => new Uint8Array(256) };
    const weight: StoredWeight = { name: 'w', type: f32, shape: [8, 8], parts: [part] };
    await expect(backend.load(program, new Map([['w', weight]]), loadOptions(1))).rejects.toMatchObject({
      name: 'ResourceError',
      message: expect.stringContaining('it is empty'),
      hint: expect.stringMatching(/^look at the file/),
    });
  });
});
