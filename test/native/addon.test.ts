import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkVersion,
  loadAddon,
  type NativeAddon,
  type NativeError,
  type NativeHandle,
} from '../../src/backend/native/addon.ts';
import { loadArguments, runArguments } from './addon-program.ts';
import { whyNoNative } from './stored-models.ts';

const CODES = ['bad-argument', 'closed', 'internal', 'format', 'unsupported', 'resource'];
const BUILT = fileURLToPath(new URL('../../native/build/dots.node', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'dots-addon-'));
afterAll(() => rmSync(folder, { recursive: true }));

function detached<T extends ArrayBufferView>(view: T): T {
  structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
  return view;
}

/** Floats that lay in a buffer when they were made, and that its shrinking has put outside. */
function shrunk(): Float32Array {
  const Resizable = ArrayBuffer as unknown as new (
    sizeBytes: number,
    options: object,
  ) => ArrayBuffer & { resize(sizeBytes: number): void };
  const buffer = new Resizable(64, { maxByteLength: 128 });
  const floats = new Float32Array(buffer, 32, 4);
  buffer.resize(16);
  return floats;
}

/** Numbers that count nothing, and values of every type. */
const NUMBERS = [Number.NaN, Infinity, -Infinity, -1, 0.5, 2 ** 31, 2 ** 32 + 1, 2 ** 53, -(2 ** 53), 1e300];
const VALUES: readonly (readonly [string, () => unknown])[] = [
  ...NUMBERS.map((value) => [String(value), () => value] as const),
  ['undefined', () => undefined],
  ['null', () => null],
  ['true', () => true],
  ['a string', () => 'portable\0'],
  ['a bigint', () => 1n],
  ['a symbol', () => Symbol('s')],
  ['a function', () => () => 1],
  ['an object', () => ({})],
  ['an array', () => []],
  ['an array of holes', () => new Array(2 ** 32 - 1)],
  ['a Proxy of an array', () => new Proxy([], {})],
  ['an ArrayBuffer', () => new ArrayBuffer(64)],
  ['a DataView', () => new DataView(new ArrayBuffer(64))],
  ['an Int8Array', () => new Int8Array(64)],
  ['a BigInt64Array', () => new BigInt64Array(8)],
  ['an empty Int32Array', () => new Int32Array(0)],
  ['a long Int32Array', () => new Int32Array(1000).fill(-1)],
  ['a long Float32Array', () => new Float32Array(1000)],
  ['an empty Float64Array', () => new Float64Array(0)],
  ['a detached Int32Array', () => detached(new Int32Array(4))],
  ['a detached Float32Array', () => detached(new Float32Array(4))],
  ['a detached Uint8Array', () => detached(new Uint8Array(16))],
  ['a Float32Array outside of its buffer', shrunk],
  ['a Float32Array on shared memory', () => new Float32Array(new SharedArrayBuffer(4))],
];

/** Every tree that has one node of `tree` replaced by each of VALUES, or one property taken away. */
function* changes(tree: unknown, path = ''): Generator<{ what: string; make: () => unknown }> {
  for (const [name, value] of VALUES) yield { what: `${path} = ${name}`, make: value };
  if (typeof tree !== 'object' || tree === null || ArrayBuffer.isView(tree) || tree instanceof ArrayBuffer)
    return;
  for (const [key, child] of Object.entries(tree)) {
    const place = Array.isArray(tree) ? `${path}[${key}]` : `${path}.${key}`;
    const replaced = (value: unknown): unknown => {
      if (!Array.isArray(tree)) return { ...tree, [key]: value };
      return tree.map((element, i) => (i === Number(key) ? value : element));
    };
    for (const { what, make } of changes(child, place)) yield { what, make: () => replaced(make()) };
    if (Array.isArray(tree)) continue;
    yield { what: `${place} missing`, make: () => ({ ...tree, [key]: undefined, ...without(tree, key) }) };
  }
}

function without(tree: object, key: string): object {
  return Object.fromEntries(Object.entries(tree).filter(([name]) => name !== key));
}

describe('an addon that other sources made', () => {
  const refused = (exported: unknown) => () =>
    checkVersion(exported, 'native/build/dots.node', 'run "npm run build"');

  it('is refused with what to do, before a function of it is missing', () => {
    const error = {
      code: 'stale-native-backend',
      hint: 'run "npm run build"',
      message: expect.stringContaining('native/build/dots.node is older than the JavaScript'),
    };
    // Without a version: an addon of before there were versions.
    expect(refused({ load() {}, run() {} })).toThrow(expect.objectContaining(error));
    expect(refused({ interfaceVersion: 0.5 })).toThrow(expect.objectContaining(error));
    expect(refused({ interfaceVersion: 1e6 })).toThrow(/is newer than the JavaScript/);
  });
});

describe.skipIf(whyNoNative)(`the addon's functions ${whyNoNative ?? ''}`, () => {
  const addon = loadAddon().addon as NativeAddon;
  const loaded = whyNoNative ? undefined : loadArguments(addon, folder);
  let handle: NativeHandle;
  beforeAll(() => {
    if (loaded) handle = addon.load(...loaded.arguments);
  });

  /** What a call with anything throws, or its promise rejects with. */
  async function failure(name: keyof NativeAddon, args: readonly unknown[], what = ''): Promise<NativeError> {
    let outcome: unknown;
    try {
      outcome = await (addon[name] as (...args: readonly unknown[]) => unknown)(...args);
    } catch (error) {
      outcome = error;
    }
    expect(outcome, `${name} accepted ${what}`).toBeInstanceOf(Error);
    return outcome as NativeError;
  }
  const answersAsBefore = async (): Promise<void> => {
    expect(await addon.run(...runArguments(handle))).toEqual([Float32Array.of(21, 43)]);
  };

  const valid = (): Partial<Record<keyof NativeAddon, readonly unknown[]>> => ({
    load: loaded?.arguments ?? [],
    run: runArguments(handle),
    encode: [2, new Float32Array(64), 32, new Float32Array(32), addon.openDevice('portable', 1)],
    seconds: [handle],
    allocate: [8],
    free: [addon.allocate(8)],
    cancel: [handle],
    close: [handle],
    isas: [],
    openDevice: ['portable', 1],
    activationKind: [0],
    activationRowBytes: [0, 64],
    limits: [addon.openDevice('portable', 1)],
  });
  /** What is as good as the valid argument: text -> whether. */
  const isAlsoValid: Partial<Record<keyof NativeAddon, RegExp>> = {
    allocate: /^\[0\] = (2147483648|4294967297)$/,
    activationKind: /^\[0\] = -1$/,
    // All columns count the same.
    encode: /^\[3\] = undefined$/,
    // Nothing is requested.
    run: /^\[3\] = an? (empty|detached) Int32Array$/,
  };

  it.each(Object.keys(valid()) as (keyof NativeAddon)[])(
    '%s refuses every argument of another kind with an error that has a code, and still works',
    async (name) => {
      const args = valid()[name] as readonly unknown[];
      for (const { what, make } of changes(args)) {
        if (!what.startsWith('[') || isAlsoValid[name]?.test(what)) continue;
        const error = await failure(name, make() as unknown[], what);
        expect(CODES, `${name} ${what}: ${error.stack}`).toContain(error.code);
        expect(error.message.length, what).toBeGreaterThan(5);
      }
      await answersAsBefore();
    },
  );

  it('a handle of another copy of the addon, a closed one and what only looks like one are refused', async () => {
    const copy = join(folder, 'copy.node');
    copyFileSync(BUILT, copy);
    const other = createRequire(import.meta.url)(copy) as NativeAddon;
    const foreign = other.load(...loadArguments(other, folder).arguments);
    expect(await other.run(...runArguments(foreign))).toEqual([Float32Array.of(21, 43)]);
    const closed = addon.load(...loadArguments(addon, folder).arguments);
    addon.close(closed);
    const lookalikes = [
      foreign,
      addon.allocate(8),
      Object.create(handle),
      new Proxy(handle, {}),
      { ...handle },
    ];
    for (const wrong of lookalikes) {
      for (const name of ['run', 'seconds', 'cancel', 'close'] as const) {
        const error = await failure(name, [wrong, ...runArguments(handle).slice(1)]);
        expect(error).toMatchObject({ name: 'TypeError', code: 'bad-argument' });
        expect(error.message).toBe(`${name}: handle must be an executable of this addon`);
      }
    }
    expect(await failure('run', runArguments(closed))).toMatchObject({ code: 'closed' });
    expect(await failure('seconds', [closed])).toMatchObject({ code: 'closed' });
    addon.cancel(closed);
    addon.close(closed);
    await answersAsBefore();
  });

  it('messages name what is wrong and where', async () => {
    const [words, constants, weights, states, device] = loadArguments(addon, folder).arguments;
    const wrong = [{ ...weights[0], shape: [2, Number.NaN] }, ...weights.slice(1)];
    expect((await failure('load', [words, constants, wrong, states, device])).message).toBe(
      'load: weights[0].shape[1] must be an integer from 1 to 2147483647, not nan',
    );
    expect((await failure('openDevice', ['portable', '1'])).message).toBe(
      'openDevice: numThreads must be an integer from 1 to 2147483647',
    );
    expect((await failure('allocate', [2 ** 52])).code).toBe('resource');
  });

  // Node.js 20 finalizes the memory of a buffer that it refuses; freed twice, it ended the process.
  it('more memory than a buffer can hold is an error or a buffer, again and again', async () => {
    for (let i = 0; i < 8; i++) {
      const outcome = await Promise.resolve()
        .then(() => addon.allocate(2 ** 32 + 1))
        .catch((error: unknown) => error);
      if (outcome instanceof ArrayBuffer) addon.free(outcome);
      else expect(outcome).toMatchObject({ code: 'resource' });
    }
    await answersAsBefore();
  });

  it("a typed array's constructor of somebody else's is refused, and one that closes the model reads no freed memory", async () => {
    const { Float32Array: ownFloat32Array, Float64Array: ownFloat64Array } = globalThis;
    const args = runArguments(handle);
    try {
      // biome-ignore lint/complexity/useArrowFunction: called with new
      globalThis.Float32Array = function (length: number) {
        return new Uint8Array(length);
      } as unknown as Float32ArrayConstructor;
      expect(await failure('run', args)).toMatchObject({ code: 'internal' });
      globalThis.Float32Array = ownFloat32Array;
      const other = addon.load(...loadArguments(addon, folder).arguments);
      await addon.run(...runArguments(other));
      const before = addon.seconds(other);
      // biome-ignore lint/complexity/useArrowFunction: called with new
      globalThis.Float64Array = function (length: number) {
        addon.close(other);
        return new ownFloat64Array(length);
      } as unknown as Float64ArrayConstructor;
      expect(addon.seconds(other)).toEqual(before);
    } finally {
      Object.assign(globalThis, { Float32Array: ownFloat32Array, Float64Array: ownFloat64Array });
    }
    await answersAsBefore();
  });

  it('an exception of a getter comes through, and nothing is loaded or run', async () => {
    const thrown = new Error('from a getter');
    const raise = () => {
      throw thrown;
    };
    const [words, constants, weights, states, device] = loadArguments(addon, folder).arguments;
    for (const key of ['type', 'shape', 'parts']) {
      const weight = Object.defineProperty({ ...weights[1] }, key, { get: raise });
      const list = weights.map((one, i) => (i === 1 ? weight : one));
      expect(await failure('load', [words, constants, list, states, device])).toBe(thrown);
    }
    const inputs = Object.defineProperty([0], 0, { get: raise });
    const [, , bindings, wanted] = runArguments(handle);
    expect(await failure('run', [handle, inputs, bindings, wanted])).toBe(thrown);
    await answersAsBefore();
  });

  it('what a getter takes away while arguments are read is missed, not read', async () => {
    const taken = loadArguments(addon, folder);
    const [program, constants, weights, states, device] = taken.arguments;
    const words = program.slice();
    // The memory that an earlier weight was found to lie in, the list itself, and the program.
    const weight = {
      ...weights[2],
      get type() {
        addon.free(taken.memory);
        (weights as unknown[]).length = 2;
        detached(words);
        return weights[0].type;
      },
    };
    const list = [weights[0], weights[1], weight];
    const error = await failure('load', [words, constants, list, states, device]);
    expect(error).toMatchObject({ code: 'bad-argument' });

    const late = addon.load(...loadArguments(addon, folder).arguments);
    const [, , bindings, wanted] = runArguments(late);
    const inputs = Object.defineProperty([0], 0, {
      get: () => {
        addon.close(late);
        return Float32Array.of(1, 10);
      },
    }) as unknown as Float32Array[];
    expect(await addon.run(late, inputs, bindings, wanted)).toEqual([Float32Array.of(21, 43)]);
    expect(await failure('run', runArguments(late))).toMatchObject({ code: 'closed' });
  });

  it('a second run meanwhile is refused, and each promise settles', async () => {
    const runs = Array.from({ length: 20 }, async () => addon.run(...runArguments(handle)));
    const settled = await Promise.allSettled(runs);
    expect(settled[0].status).toBe('fulfilled');
    expect(settled.filter(({ status }) => status === 'rejected').length).toBe(19);
    addon.cancel(handle);
    await answersAsBefore();
  });

  it('inputs and outputs on a buffer that can be resized are as good as others', async () => {
    const Resizable = ArrayBuffer as unknown as new (sizeBytes: number, options: object) => ArrayBuffer;
    const x = new Float32Array(new Resizable(8, { maxByteLength: 64 }));
    x.set([1, 10]);
    const [, , bindings, wanted] = runArguments(handle);
    expect(await addon.run(handle, [x], bindings, wanted)).toEqual([Float32Array.of(21, 43)]);
  });
});
