import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NativeAddon, NativeHandle } from '../../src/backend/native/addon.ts';
import { encodeProgram } from '../../src/backend/program/encode-program.ts';
import { compile } from '../../src/compile/compile.ts';
import { f32 } from '../../src/dtype/index.ts';
import { symbol } from '../../src/graph/dim.ts';
import { accumulate } from '../../src/graph/ops/accumulate.ts';
import { linear } from '../../src/graph/ops/linear.ts';
import { scale } from '../../src/graph/ops/scale.ts';
import { trace } from '../../src/graph/tensor.ts';

const SHAPE = [2, 2];

/** y = x · copiedᵀ · mappedᵀ, and sum += 2 · shared: a weight of each kind, and a state in memory of `allocate`. */
const graph = trace((g) => ({
  y: linear(
    linear(g.input('x', [symbol('T'), 2], 'f32'), g.weight('copied', SHAPE)),
    g.weight('mapped', SHAPE),
  ),
  isSummed: accumulate(g.state('sum', SHAPE), scale(g.weight('shared', SHAPE), { factor: 2 })),
}));

const encoded = encodeProgram(compile(graph, { name: 'addon', supports: () => true }), {});

/** What `load` takes, on fresh memory; `sum` and `shared` lie in `memory`. */
export function loadArguments(addon: NativeAddon, folder: string) {
  const path = join(folder, 'weights.bin');
  // Executables have it mapped.
  if (!existsSync(path)) writeFileSync(path, Float32Array.of(0, 0, 1, 0, 0, 1));
  const memory = addon.allocate(128);
  const shared = new Float32Array(memory, 0, 4);
  const sum = new Float32Array(memory, 64, 4);
  shared.set([1, 2, 3, 4]);
  const sizeBytes = 16;
  const parts = {
    copied: { sizeBytes, bytes: new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer) },
    mapped: { sizeBytes, path, offset: 8 },
    shared: { sizeBytes, floats: shared },
  };
  const weights = encoded.weights.map((name) => ({
    type: f32.id,
    shape: SHAPE,
    parts: [parts[name as keyof typeof parts]],
  }));
  const states = [{ type: 0, shape: SHAPE, floats: sum }];
  return {
    memory,
    shared,
    sum,
    arguments: [encoded.words, encoded.constants, weights, states, addon.openDevice('portable', 1)] as const,
  };
}

/** What `run` takes for one row [1, 10]. Its answer is `[Float32Array.of(21, 43)]`. */
export const runArguments = (handle: NativeHandle) =>
  [handle, [Float32Array.of(1, 10)], Int32Array.of(1), Int32Array.of(encoded.outputs.indexOf('y'))] as const;
