import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { loadAddon, type NativeAddon } from '../../src/backend/native/addon.ts';
import { encodeProgram } from '../../src/backend/program/encode-program.ts';
import { compile } from '../../src/compile/compile.ts';
import { ResourceError } from '../../src/core/errors.ts';
import { f32 } from '../../src/dtype/index.ts';
import { symbol } from '../../src/graph/dim.ts';
import { linear } from '../../src/graph/ops/linear.ts';
import { silu } from '../../src/graph/ops/silu.ts';
import { sumSquares } from '../../src/graph/ops/sum-squares.ts';
import { trace } from '../../src/graph/tensor.ts';
import { loadArguments, runArguments } from './addon-program.ts';
import { loadOptions, nativeBackend, whyNoNative } from './stored-models.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-memory-'));
afterAll(() => rmSync(folder, { recursive: true }));

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** Finalisers run in turns of the event loop after a collection. */
async function collectAll(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    collect();
    await turn();
  }
}

/** Bytes that this process has in memory. */
function residentBytes(): number {
  const [, pages] = readFileSync('/proc/self/statm', 'utf8').split(' ');
  return Number(pages) * 4096;
}

describe.skipIf(whyNoNative)(`memory that JavaScript and C++ share ${whyNoNative ?? ''}`, () => {
  const addon = loadAddon().addon as NativeAddon;

  it('a buffer that is taken away after load is gone for JavaScript, and the executable works on', async () => {
    const loaded = loadArguments(addon, folder);
    const memory = loaded.memory as ArrayBuffer & { transfer?: () => ArrayBuffer };
    const handle = addon.load(...loaded.arguments);
    // Node.js 20 clones a buffer of an addon instead, later ones throw or have a method that does transfer it.
    try {
      structuredClone(memory, { transfer: [memory] });
      memory.transfer?.();
    } catch {}
    addon.free(memory);
    expect(loaded.sum).toHaveLength(0);
    await collectAll();
    for (let i = 0; i < 64; i++) new Float32Array(addon.allocate(128)).fill(Number.NaN);
    for (let i = 0; i < 3; i++)
      expect(await addon.run(...runArguments(handle))).toEqual([Float32Array.of(21, 43)]);
    expect(() => addon.load(...loaded.arguments)).toThrow(/buffer must be memory of allocate/);
    addon.close(handle);
  });

  it('memory of another kind is refused: whoever made it could take it away', () => {
    const { arguments: args } = loadArguments(addon, folder);
    for (const floats of [new Float32Array(4), new Float32Array(new SharedArrayBuffer(16))]) {
      const states = [{ ...args[3][0], floats }];
      expect(() => addon.load(args[0], args[1], args[2], states, args[4])).toThrow(
        'load: states[0].floats.buffer must be memory of allocate() that is not freed',
      );
    }
  });

  it('a run under way keeps its memory when the handle and the buffer go', async () => {
    const loaded = loadArguments(addon, folder);
    const handle = addon.load(...loaded.arguments);
    const run = addon.run(...runArguments(handle));
    addon.close(handle);
    addon.free(loaded.memory);
    collect();
    expect(await run).toEqual([Float32Array.of(21, 43)]);
  });

  it.skipIf(process.platform !== 'linux')('closing a store frees its memory', async () => {
    const store = nativeBackend().createStore([{ name: 'w', shape: [64 << 20] }]);
    const view = store.array('w').fill(1);
    const before = residentBytes();
    store.close();
    store.close();
    await collectAll();
    expect(before - residentBytes()).toBeGreaterThan(200e6);
    expect(view).toHaveLength(0);
  });

  it.skipIf(process.platform !== 'linux')(
    'handles that nobody closes are collected before memory is full',
    async () => {
      const shape = [512, 8192];
      const sizeBytes = 4 * 512 * 8192;
      const graph = trace((g) => ({ squares: sumSquares(g.weight('w', shape)) }));
      const { words, constants } = encodeProgram(compile(graph, { name: 'large', supports: () => true }), {});
      const weights = [{ type: f32.id, shape, parts: [{ sizeBytes, bytes: new Uint8Array(sizeBytes) }] }];
      const device = addon.openDevice('portable', 1);
      const before = residentBytes();
      for (let i = 0; i < 60; i++) {
        addon.load(words, constants, weights, [], device);
        await turn();
      }
      // Handles are small: only who knows what they hold collects some of them meanwhile.
      expect(residentBytes() - before).toBeLessThan(30 * sizeBytes);
    },
  );

  it('a step that needs more memory than there can be is a ResourceError, and the next one runs', async () => {
    // 2^18 rows of 2^17 products are 128 GB.
    const shape = [1 << 17, 1];
    const graph = trace((g) => ({ y: linear(g.input('x', [symbol('T'), 1], 'f32'), g.weight('w', shape)) }));
    const bytes = new Uint8Array(new Float32Array(shape[0]).fill(2).buffer);
    const w = { name: 'w', type: f32, shape, parts: [{ sizeBytes: bytes.length, read: async () => bytes }] };
    const program = compile(graph, { name: 'tall', supports: () => true });
    const executable = await nativeBackend().load(program, new Map([['w', w]]), loadOptions(1));
    const run = (T: number) => executable.run({ x: new Float32Array(T).fill(3) }, { T });
    for (let i = 0; i < 2; i++) {
      const error = await run(1 << 18).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ResourceError);
      expect(error).toMatchObject({
        code: 'out-of-memory',
        message: expect.stringMatching(/working memory/),
      });
      expect((await run(2)).y).toEqual(new Float32Array(2 << 17).fill(6));
    }
    await executable.close();
  });

  it('a worker that ends in the middle of a run takes nothing with it', async () => {
    const built = fileURLToPath(new URL('../../native/build/dots.node', import.meta.url));
    const { words, constants } = longProgram();
    for (const end of ['process.exit()', 'parentPort.postMessage(0)']) {
      const worker = new Worker(
        `const { parentPort, workerData } = require('node:worker_threads');
        const addon = require(workerData.built);
        const handle = addon.load(workerData.words, workerData.constants, [], [], addon.openDevice('portable', 2));
        addon.run(handle, [new Float32Array(512 * 512)], Int32Array.of(512), Int32Array.of(0));
        ${end};`,
        { eval: true, workerData: { built, words, constants } },
      );
      const exited = new Promise((resolve) => worker.once('exit', resolve));
      if (end.startsWith('parentPort')) await new Promise((resolve) => worker.once('message', resolve));
      await worker.terminate();
      await exited;
    }
    const handle = addon.load(...loadArguments(addon, folder).arguments);
    expect(await addon.run(...runArguments(handle))).toEqual([Float32Array.of(21, 43)]);
    addon.close(handle);
  });
});

/** Elementwise work on 512 × 512 numbers, long enough to be interrupted. */
function longProgram() {
  const graph = trace((g) => {
    let x = g.input('x', [symbol('T'), 512], 'f32');
    for (let i = 0; i < 100; i++) x = silu(x);
    return { x };
  });
  return encodeProgram(compile(graph, { name: 'long', supports: () => true }), {});
}
