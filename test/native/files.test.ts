import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FormatError } from '../../src/core/errors.ts';
import { type Model, open } from '../../src/index.ts';
import { TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';
import { whyNoNative } from './stored-models.ts';

const TOKENS = [5, 9, 30, 2, 17, 8];

async function lastLogits(model: Model): Promise<Float32Array> {
  let last = new Float32Array();
  for await (const { logits_V } of model.logits(TOKENS, { first: TOKENS.length - 1 }))
    last = logits_V.slice();
  return last;
}

const openNative = (path: string): Promise<Model> => open(path, { backend: 'native', contextLength: 128 });

/** Bytes of memory that are this process's own: neither file pages nor shared. */
function privateBytes(): number {
  const text = readFileSync('/proc/self/smaps_rollup', 'utf8');
  return [...text.matchAll(/^Anonymous: +(\d+) kB/gm)].reduce(
    (sum, match) => sum + Number(match[1]) * 1024,
    0,
  );
}

describe.skipIf(whyNoNative)(`mapped model files ${whyNoNative ?? ''}`, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'dots-native-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const copy = (name: string): string => {
    const path = join(folder, name);
    copyFileSync(TINY_LLAMACPP_GGUF, path);
    return path;
  };

  it('a file that is cut while it is open is a FormatError that names it, and the process lives', async () => {
    const path = copy('cut.gguf');
    const model = await openNative(path);
    const expected = await lastLogits(model);
    truncateSync(path, 100_000);
    for (let i = 0; i < 2; i++) {
      const error = await lastLogits(model).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(FormatError);
      expect(error).toMatchObject({ code: 'file-changed' });
      expect((error as FormatError).message).toContain(path);
      expect((error as FormatError).hint).toContain('open it again');
    }
    await model.close();
    // Nothing of it stays: the same model from a good copy answers as before.
    const again = await openNative(copy('again.gguf'));
    expect(await lastLogits(again)).toEqual(expected);
    await again.close();
  });

  it('a file that is written again in its place, as long as before, is a FormatError and not other numbers', async () => {
    const path = copy('rewritten.gguf');
    const model = await openNative(path);
    await lastLogits(model);
    const bytes = readFileSync(path);
    bytes.fill(0, bytes.length / 2);
    writeFileSync(path, bytes);
    await expect(lastLogits(model)).rejects.toMatchObject({ code: 'file-changed' });
    await model.close();
  });

  it('a file that was cut before it is opened is refused while its header is read', async () => {
    const path = copy('short.gguf');
    truncateSync(path, 100_000);
    await expect(openNative(path)).rejects.toBeInstanceOf(FormatError);
  });

  it.skipIf(process.getuid?.() === 0)('a file without permission to read is an error', async () => {
    const path = copy('secret.gguf');
    chmodSync(path, 0o000);
    await expect(openNative(path)).rejects.toMatchObject({ name: 'FormatError' });
  });

  it('the same file can be open twice; closing one leaves the other alone', async () => {
    const path = copy('twice.gguf');
    const first = await openNative(path);
    const second = await openNative(path);
    const [a, b] = await Promise.all([lastLogits(first), lastLogits(second)]);
    expect(a).toEqual(b);
    await first.close();
    expect(await lastLogits(second)).toEqual(b);
    await second.close();
  });

  it('a deleted file stays readable through its mapping', async () => {
    const path = copy('deleted.gguf');
    const model = await openNative(path);
    const expected = await lastLogits(model);
    rmSync(path);
    expect(await lastLogits(model)).toEqual(expected);
    await model.close();
  });

  it.skipIf(process.platform !== 'linux')('opening and closing again and again keeps no memory', async () => {
    const path = copy('often.gguf');
    const once = async (): Promise<void> => {
      const model = await openNative(path);
      await lastLogits(model);
      await model.close();
    };
    for (let i = 0; i < 10; i++) await once();
    const before = privateBytes();
    for (let i = 0; i < 30; i++) await once();
    // A leak of working memory or of the cache alone would be 30 times several megabytes.
    expect(privateBytes() - before).toBeLessThan(64e6);
  });
});
