import {
  chmodSync,
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
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { FormatError, InternalError, ResourceError, UsageError } from '../../src/core/errors.ts';
import {
  createFileFolder,
  createFileSink,
  openFileFolder,
  openFileSource,
} from '../../src/format/file-source.ts';
import { openGguf } from '../../src/format/gguf-shards.ts';
import { writeGguf } from '../../src/format/gguf-writer.ts';
import { memorySource } from '../../src/format/memory-source.ts';
import { errorOf, fillBytes, tensor, text } from './helpers.ts';

const root = mkdtempSync(join(tmpdir(), 'dots-format-'));
let dir = root;
let number = 0;

beforeEach(async () => {
  dir = join(root, String(number++));
  await createFileFolder(dir);
});
afterAll(() => rmSync(root, { recursive: true }));

const ten = Uint8Array.from({ length: 10 }, (_, i) => i);

describe.each([
  [
    'openFileSource',
    async () => {
      writeFileSync(join(dir, 'ten'), ten);
      return await openFileSource(join(dir, 'ten'));
    },
  ],
  ['memorySource', async () => memorySource(ten, 'ten')],
])('%s', (_, open) => {
  it('reads any range, and refuses to read past the end', async () => {
    const source = await open();
    expect(source.size).toBe(10);
    expect(await source.read(3, 4)).toEqual(Uint8Array.of(3, 4, 5, 6));
    expect(await source.read(10, 0)).toEqual(new Uint8Array(0));
    const error = await errorOf(() => source.read(8, 3));
    expect(error).toBeInstanceOf(FormatError);
    expect(error).toMatchObject({ code: 'truncated-file', offset: 8, found: '10 bytes' });
    await source.close();
  });

  it('calls a negative, broken or unsafe range our bug', async () => {
    const source = await open();
    for (const [offset, length] of [
      [-1, 2],
      [0.5, 1],
      [0, Number.NaN],
      [2 ** 53, 1],
    ]) {
      expect(await errorOf(() => source.read(offset, length))).toBeInstanceOf(InternalError);
    }
    await source.close();
  });

  it('closes twice, and refuses to read afterwards', async () => {
    const source = await open();
    await source.close();
    await source.close();
    const error = await errorOf(() => source.read(0, 1));
    expect(error).toBeInstanceOf(ResourceError);
    expect(error.code).toBe('source-closed');
  });
});

describe('openFileSource', () => {
  it('carries the path, for backends that map the file', async () => {
    writeFileSync(join(dir, 'ten'), ten);
    const source = await openFileSource(join(dir, 'ten'));
    expect(source.path).toBe(join(dir, 'ten'));
    await source.close();
  });

  it('notices that a file was cut after it was opened', async () => {
    writeFileSync(join(dir, 'ten'), ten);
    const source = await openFileSource(join(dir, 'ten'));
    truncateSync(join(dir, 'ten'), 6);
    expect(await errorOf(() => source.read(4, 4))).toMatchObject({
      code: 'truncated-file',
      found: '6 bytes',
    });
    await source.close();
  });

  it('says what is wrong with a path', async () => {
    const missing = await errorOf(() => openFileSource(join(dir, 'absent.gguf')));
    expect(missing).toBeInstanceOf(UsageError);
    expect(missing.code).toBe('file-not-found');
    expect(missing.message).toContain('absent.gguf');
    const folder = await errorOf(() => openFileSource(dir));
    expect(folder).toBeInstanceOf(UsageError);
    expect(folder.code).toBe('not-a-file');
    expect((await errorOf(() => openFileFolder(join(dir, 'absent')))).code).toBe('file-not-found');
    writeFileSync(join(dir, 'file'), '');
    expect((await errorOf(() => openFileFolder(join(dir, 'file')))).code).toBe('not-a-folder');
    expect((await errorOf(() => openFileSource(join(dir, 'file', 'below')))).code).toBe('file-not-found');
  });

  it.skipIf(process.getuid?.() === 0)('says that a file is not readable', async () => {
    writeFileSync(join(dir, 'secret'), '');
    chmodSync(join(dir, 'secret'), 0);
    const error = await errorOf(() => openFileSource(join(dir, 'secret')));
    expect(error).toBeInstanceOf(ResourceError);
    expect(error.code).toBe('permission-denied');
  });
});

describe('createFileSink', () => {
  it('keeps the old file until the new one is whole', async () => {
    const path = join(dir, 'model.gguf');
    writeFileSync(path, 'old');
    const sink = await createFileSink(path, 10);
    await sink.write(ten.subarray(0, 4));
    expect(readFileSync(path, 'utf8')).toBe('old');
    await sink.write(ten.subarray(4));
    await sink.finish();
    expect(new Uint8Array(readFileSync(path))).toEqual(ten);
    expect(readdirSync(dir)).toEqual(['model.gguf']);
    // Does nothing any more.
    await sink.discard();
    expect(existsSync(path)).toBe(true);
  });

  it('removes what it wrote when discarded, and takes no more', async () => {
    const path = join(dir, 'model.gguf');
    const sink = await createFileSink(path, 10);
    await sink.write(ten);
    await sink.discard();
    await sink.discard();
    expect(readdirSync(dir)).toEqual([]);
    expect((await errorOf(() => sink.write(ten))).code).toBe('sink-closed');
    expect((await errorOf(() => sink.finish())).code).toBe('sink-closed');
  });

  it('refuses a file that the disk has no room for, before writing', async () => {
    const error = await errorOf(() => createFileSink(join(dir, 'huge.gguf'), 2 ** 52));
    expect(error).toBeInstanceOf(ResourceError);
    expect(error.code).toBe('disk-full');
    expect(readdirSync(dir)).toEqual([]);
  });

  it('says that the folder is missing, or that the name is a folder’s', async () => {
    expect((await errorOf(() => createFileSink(join(dir, 'absent', 'm.gguf'), 1))).code).toBe(
      'file-not-found',
    );
    expect((await errorOf(() => createFileSink(dir, 1))).code).toBe('not-a-file');
  });
});

describe('writeGguf to disk', () => {
  it('gives a split set that opens by its last file', async () => {
    const metadata = new Map([['general.architecture', text('dots1')]]);
    const tensors = [tensor('a', 'f32', 2, 4), tensor('b', 'q8_0', 32)];
    const { files, sizeBytes } = await writeGguf(
      join(dir, 'model.gguf'),
      { metadata, tensors, bytes: fillBytes },
      { maxShardTensors: 1 },
    );
    expect(readdirSync(dir)).toEqual(['model-00001-of-00002.gguf', 'model-00002-of-00002.gguf']);
    expect(files).toEqual(readdirSync(dir).map((name) => join(dir, name)));
    await using model = await openGguf(files[1]);
    expect([...model.tensors.keys()]).toEqual(['a', 'b']);
    expect(model.sizeBytes).toBe(sizeBytes);
  });

  it('removes all partial files when the supplier fails', async () => {
    const tensors = [tensor('a', 'f32', 4), tensor('b', 'f32', 4)];
    const bytes = (t: { name: string }) => {
      if (t.name === 'b') throw new Error('supplier');
      return [new Uint8Array(16)];
    };
    const writing = writeGguf(
      join(dir, 'm.gguf'),
      { metadata: new Map(), tensors, bytes },
      { maxShardTensors: 1 },
    );
    await expect(writing).rejects.toThrow('supplier');
    expect(readdirSync(dir)).toEqual([]);
  });
});
