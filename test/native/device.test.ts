import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Backend, Executable } from '../../src/backend/backend.ts';
import { openNativeBackend } from '../../src/backend/native/native-backend.ts';
import { compile } from '../../src/compile/compile.ts';
import { storageTypeByName } from '../../src/dtype/index.ts';
import { inferenceGraph } from '../../src/engine/inference-graph.ts';
import {
  loadOptions,
  nativeBackend,
  nativeIsas,
  WIDE_CONFIG,
  weightsOfType,
  whyNoNative,
} from './stored-models.ts';

const NUM_PAGES = 2;
const LENGTH = NUM_PAGES * 64;

/** Codes of four bits, for which every instruction set lays out its activations differently. */
const weights = weightsOfType(WIDE_CONFIG, storageTypeByName('q4_0'), 6);

async function load(backend: Backend): Promise<Executable> {
  const program = compile(inferenceGraph(WIDE_CONFIG, NUM_PAGES), {
    name: 'dots1',
    supports: backend.supports,
  });
  return backend.load(program, weights, loadOptions(NUM_PAGES));
}

async function logitsOf(executable: Executable): Promise<Float32Array> {
  const inputs = {
    tokens: Int32Array.from({ length: LENGTH }, (_, i) => (i * 7) % WIDE_CONFIG.vocabSize),
    positions: Int32Array.from({ length: LENGTH }, (_, i) => i),
    sequences: new Int32Array(LENGTH),
    pages: Int32Array.from({ length: NUM_PAGES }, (_, page) => page),
    outputRows: Int32Array.from({ length: LENGTH }, (_, i) => i),
  };
  return (await executable.run(inputs, { T: LENGTH, O: LENGTH, B: 1 })).logits;
}

const numThreads = (): number => readdirSync('/proc/self/task').length;

/** Once it has stayed the same for a while: threads of Node.js's own, and of loads that are over, take a moment to end. */
async function settledThreads(): Promise<number> {
  let last = numThreads();
  for (let same = 0; same < 10; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const now = numThreads();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return last;
}

describe.skipIf(whyNoNative)(`what executables share and what they do not ${whyNoNative ?? ''}`, () => {
  it('backends of different instruction sets run at the same time, each on its own', async () => {
    const executables: Executable[] = [];
    for (const isa of nativeIsas()) executables.push(await load(nativeBackend({ isa, threads: 2 })));
    const expected = await logitsOf(executables[0]);
    for (let round = 0; round < 3; round++) {
      const found = await Promise.all(executables.map(logitsOf));
      for (const logits of found) expect(logits).toEqual(expected);
    }
    for (const executable of executables) await executable.close();
  });

  it('opening a backend changes nothing for a run under way on another instruction set', async () => {
    const executable = await load(nativeBackend({ threads: 2 }));
    const expected = await logitsOf(executable);
    for (let round = 0; round < 10; round++) {
      const run = logitsOf(executable);
      let isOver = false;
      void run.finally(() => {
        isOver = true;
      });
      while (!isOver) {
        for (const isa of nativeIsas()) nativeBackend({ isa });
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await run).toEqual(expected);
    }
    await executable.close();
  });

  it('an instruction set that this machine lacks is an UnsupportedError that names those it has', () => {
    expect(() => openNativeBackend({ isa: 'sse2' })).toThrow(
      expect.objectContaining({
        name: 'UnsupportedError',
        code: 'unsupported-isa',
        hint: expect.stringContaining(nativeIsas().join(', ')),
      }),
    );
  });

  it.skipIf(process.platform !== 'linux')(
    'all executables of a backend share its threads, and a backend without executables has none',
    async () => {
      const warm = await load(nativeBackend({ threads: 1 }));
      await logitsOf(warm); // Node.js starts threads of its own with the first work
      const before = await settledThreads();
      const backend = nativeBackend({ threads: 4 });
      expect(numThreads()).toBe(before);
      const executables: Executable[] = [];
      for (let i = 0; i < 4; i++) executables.push(await load(backend));
      const found = await Promise.all(executables.map(logitsOf));
      expect(numThreads()).toBe(before + 3);
      const expected = await logitsOf(warm);
      for (const logits of found) expect(logits).toEqual(expected);
      for (const executable of [warm, ...executables]) await executable.close();
    },
  );
});
