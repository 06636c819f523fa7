import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openModelFiles } from '../../src/engine/model-files.ts';
import { chooseBackend } from '../../src/engine/open.ts';
import { bindWeights } from '../../src/model/bind-weights.ts';
import {
  batchesOf,
  type CollectedModel,
  type CollectOptions,
  collectImportance,
} from '../../src/quantize/collect-importance.ts';
import { CollectionFolder } from '../../src/quantize/collection-folder.ts';
import type { ImportanceEntries } from '../../src/quantize/collection-store.ts';

const TINY = fileURLToPath(new URL('../fixtures/tiny-llamacpp.gguf', import.meta.url));
/** Two batches: the second chunk of 2,500 tokens does not fit into the first one. */
const BATCHES = batchesOf(
  [2500, 2500, 40].map((length, i) => Array.from({ length }, (_, j) => (7 * i + 13 * j) % 250)),
);
const IDENTITY = { model: 'tiny', text: 'a' };

const parent = mkdtempSync(join(tmpdir(), 'dots-collection-'));
afterAll(() => rmSync(parent, { recursive: true }));
let numFolders = 0;
const newPath = (): string => join(parent, `${numFolders++}.collecting`);

describe('a collection in a folder', () => {
  let model: CollectedModel;
  let close: () => Promise<void>;
  let resident: ImportanceEntries;
  let sizes: number[];
  const open = (path: string, identity: Record<string, string> = IDENTITY, startAnew = false) =>
    CollectionFolder.open(path, identity, sizes, startAnew);
  const collect = async (options: CollectOptions): Promise<ImportanceEntries> =>
    collectImportance(model, await chooseBackend({ threads: 1 }), BATCHES, options);

  /** Names of the parts that were computed; stops in the middle of the part after `stopIn`. */
  async function run(path: string, stopIn = Number.POSITIVE_INFINITY): Promise<string[]> {
    const store = await open(path);
    const controller = new AbortController();
    const parts = new Set<string>();
    await collect({
      store,
      signal: controller.signal,
      onProgress(part, done) {
        parts.add(part);
        if (parts.size > stopIn && done % 5040 > 0) controller.abort(new Error('stopped'));
      },
    }).catch((error: unknown) => {
      if (!controller.signal.aborted) throw error;
    });
    await store.close();
    if (!controller.signal.aborted) expect(store.entries).toEqual(resident);
    return [...parts];
  }

  beforeAll(async () => {
    const files = await openModelFiles(TINY);
    const { weights } = bindWeights(files.config, files.tensors, files.format, files.origin);
    model = { config: files.config, weights };
    close = () => files.close();
    sizes = BATCHES.map(({ tokens }) => tokens.length * files.config.hiddenSize);
    resident = await collect({});
  });
  afterAll(() => close());

  it('gives the bits of one in memory', async () => {
    expect(BATCHES).toHaveLength(2);
    const path = newPath();
    const parts = await run(path);
    expect(parts).toHaveLength(model.config.numLayers + 1);
  });

  it.each([1, 2])(
    'stopped in the middle of part %i + 1, it continues there, with the same bits',
    async (part) => {
      const path = newPath();
      await run(path, part);
      const left = readdirSync(path).sort();
      expect(left).toContain(`hidden-${part}.f32`);
      expect(left.filter((name) => /^sums-/.test(name))).toHaveLength(part);
      expect(await run(path)).toHaveLength(model.config.numLayers + 1 - part);
    },
  );

  it('once done, nothing is recomputed', async () => {
    const path = newPath();
    await run(path);
    expect(await run(path)).toEqual([]);
  });

  it('of another text is refused with the difference, and starts anew where that is requested', async () => {
    const path = newPath();
    await run(path, 1);
    await expect(open(path, { ...IDENTITY, text: 'b' })).rejects.toMatchObject({
      code: 'other-collection',
      message: `Cannot continue ${path}: the text was a, and is b now`,
    });
    expect((await open(path)).doneSegments).toBe(1);
    expect((await open(path, { ...IDENTITY, text: 'b' }, true)).doneSegments).toBe(0);
    expect(readdirSync(path)).toEqual([]);
  });

  it.each([
    ['hidden-1.f32', (bytes: Buffer) => bytes.fill(1, 100, 104)],
    ['hidden-1.f32', (bytes: Buffer) => bytes.subarray(0, bytes.length - 4)],
    ['state.json', (bytes: Buffer) => bytes.subarray(0, bytes.length - 2)],
  ])('with a damaged %s is refused', async (name, damage) => {
    const path = newPath();
    await run(path, 1);
    writeFileSync(join(path, name), damage(readFileSync(join(path, name))));
    await expect(open(path)).rejects.toMatchObject({ code: 'damaged-collection' });
  });

  it('without its sums is refused, and nothing of it is counted twice', async () => {
    const path = newPath();
    await run(path, 2);
    rmSync(join(path, 'sums-2.gguf'));
    await expect(open(path)).rejects.toThrow(/sums-2\.gguf/);
    expect((await open(path, IDENTITY, true)).entries.size).toBe(0);
  });

  it('leaves alone what others put there, and goes when nothing was done', async () => {
    const path = newPath();
    const store = await open(path);
    writeFileSync(join(path, 'notes.txt'), 'mine');
    await store.close();
    expect(readdirSync(path)).toEqual(['notes.txt']);
    const other = newPath();
    await (await open(other)).close();
    expect(existsSync(other)).toBe(false);
  });
});
