import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { openConvertSource } from '../../src/convert/convert-source.ts';
import { plainTypes, writeGgufModel } from '../../src/convert/write-gguf.ts';
import { createFileSink } from '../../src/format/file-source.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-resume-'));
afterAll(() => rmSync(folder, { recursive: true }));
const TINY = fileURLToPath(new URL('../fixtures/tiny-llamacpp.gguf', import.meta.url));

/** Writes until so many bytes are done; resolves with how many tensors were read. */
async function write(path: string, identity: string, stopAt = Number.POSITIVE_INFINITY): Promise<number> {
  const controller = new AbortController();
  const source = await openConvertSource(TINY, () => {});
  const touched = new Set<string>();
  try {
    await writeGgufModel(
      source,
      path,
      { types: plainTypes('f16') },
      {
        signal: controller.signal,
        createSink: (name, sizeBytes) => createFileSink(name, sizeBytes, identity),
        maxShardTensors: 12,
        onProgress: ({ doneBytes, tensor }) => {
          touched.add(tensor);
          if (doneBytes >= stopAt) controller.abort(new Error('stopped'));
        },
      },
    );
  } catch (error) {
    if (!controller.signal.aborted) throw error;
  } finally {
    await source.close();
  }
  return touched.size;
}

function bytesOf(stem: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder)
      .filter((name) => name.startsWith(`${stem}-`) || name.startsWith(`${stem}.`))
      .map((name) => [name.replace(stem, ''), readFileSync(join(folder, name)).toString('base64')]),
  );
}

describe('a file that is written with an identity', async () => {
  const all = await write(join(folder, 'whole.gguf'), 'a');
  const whole = bytesOf('whole');
  const sizeBytes = Object.values(whole).reduce((sum, text) => sum + (text.length * 3) / 4, 0);

  it.each([0.01, 0.3, 0.5, 0.77, 0.999])(
    'stopped after %f of it, it is continued and comes out the same',
    async (share) => {
      const path = join(folder, 'part.gguf');
      await write(path, 'a', share * sizeBytes);
      expect(existsSync(path)).toBe(false);
      const left = readdirSync(folder).filter((name) => name.startsWith('part'));
      expect(left.every((name) => /\.partial(\.json)?$/.test(name))).toBe(true);
      const rest = await write(path, 'a');
      expect(rest).toBeLessThanOrEqual(all - Math.floor((share - 0.2) * all));
      expect(bytesOf('part')).toEqual(whole);
      for (const name of readdirSync(folder)) if (name.startsWith('part')) rmSync(join(folder, name));
    },
  );

  it.each([
    'cut within a tensor',
    'cut within the header',
    'of another identity',
    'with another header',
    'without its journal',
  ])('a rest %s does no harm', async (kind) => {
    const path = join(folder, 'part.gguf');
    await write(path, kind === 'of another identity' ? 'b' : 'a', 0.6 * sizeBytes);
    const [first] = readdirSync(folder)
      .filter((name) => /^part.*\.partial$/.test(name))
      .sort();
    const partial = join(folder, first);
    if (kind === 'cut within a tensor') truncateSync(partial, readFileSync(partial).length - 7);
    if (kind === 'cut within the header') truncateSync(partial, 100);
    if (kind === 'with another header') writeFileSync(partial, readFileSync(partial).fill(0x58, 30, 60));
    if (kind === 'without its journal') rmSync(`${partial}.json`);
    await write(path, 'a');
    expect(bytesOf('part')).toEqual(whole);
    for (const name of readdirSync(folder)) if (name.startsWith('part')) rmSync(join(folder, name));
  });
});
