import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InternalError, ShapeError, UsageError } from '../../src/core/errors.ts';
import { readGguf } from '../../src/format/gguf.ts';
import { writeGguf } from '../../src/format/gguf-writer.ts';
import { memorySource } from '../../src/format/memory-source.ts';
import type { TensorToWrite } from '../../src/format/write-tensors.ts';
import { concat, errorOf, fillBytes, ggufBytes, golden, MemoryFiles, tensor, text, u32 } from './helpers.ts';

describe('writeGguf', () => {
  it('writes back a file of the gguf package byte for byte', async () => {
    const original = new Uint8Array(readFileSync(golden('values.gguf')));
    const { metadata, tensors } = await readGguf(memorySource(original, 'values.gguf'));
    const memory = new MemoryFiles();
    await writeGguf(
      'copy.gguf',
      {
        metadata,
        tensors: [...tensors.values()],
        bytes: async function* ({ source, offset, sizeBytes }) {
          yield await source.read(offset, sizeBytes);
        },
      },
      { createSink: memory.create },
    );
    expect(memory.files.get('copy.gguf')).toEqual(original);
  });

  it('pads tensors to the alignment and gives their bytes back', async () => {
    const tensors = [tensor('a', 'f32', 3), tensor('b', 'q8_0', 2, 32), tensor('c', 'bf16', 2, 2, 2, 2)];
    const bytes = await ggufBytes({ 'general.alignment': u32(128) }, tensors);
    const file = await readGguf(memorySource(bytes, 'model.gguf'));
    for (const written of tensors) {
      const read = file.tensors.get(written.name)!;
      expect(read.shape).toEqual(written.shape);
      expect(read.type).toBe(written.type);
      expect(read.offset % 128).toBe(0);
      expect(await read.source.read(read.offset, read.sizeBytes)).toEqual(concat([...fillBytes(written)]));
    }
    expect(bytes.length % 128).toBe(0);
  });

  it('reports every byte it writes', async () => {
    const reports: number[] = [];
    let total = 0;
    const bytes = await ggufBytes({}, [tensor('a', 'f32', 3), tensor('b', 'f32', 3)], {
      onProgress: ({ doneBytes, sizeBytes, tensor: name }) => {
        reports.push(doneBytes);
        total = sizeBytes;
        expect(['a', 'b']).toContain(name);
      },
    });
    expect(reports).toEqual([...reports].sort((a, b) => a - b));
    expect(reports.at(-1)).toBe(total);
    expect(total).toBe(bytes.length);
  });

  it('streams a tensor of 3 GB without holding it', async () => {
    const piece = new Uint8Array(64 << 20);
    let written = 0;
    await writeGguf(
      'big.gguf',
      {
        metadata: new Map(),
        tensors: [tensor('big', 'bf16', 48, 32 << 20)],
        bytes: function* () {
          for (let i = 0; i < 48; i++) yield piece;
        },
      },
      {
        createSink: async (name) => ({
          name,
          write: async (bytes) => {
            written += bytes.length;
          },
          finish: async () => {},
          discard: async () => {},
        }),
      },
    );
    expect(written).toBeGreaterThan(3 * 2 ** 30);
  });

  it('leaves no files when aborted in the middle', async () => {
    const memory = new MemoryFiles();
    const controller = new AbortController();
    const writing = writeGguf(
      'model.gguf',
      { metadata: new Map(), tensors: [tensor('a', 'f32', 8), tensor('b', 'f32', 8)], bytes: fillBytes },
      { createSink: memory.create, signal: controller.signal, onProgress: () => controller.abort() },
    );
    await expect(writing).rejects.toHaveProperty('name', 'AbortError');
    expect(memory.files.size).toBe(0);
    expect(memory.discarded).toBe(1);
  });

  it('discards every shard, also where that fails for one, and throws what went wrong first', async () => {
    const discarded: string[] = [];
    const writing = writeGguf(
      'model.gguf',
      { metadata: new Map(), tensors: [tensor('a', 'f32', 8), tensor('b', 'f32', 8)], bytes: fillBytes },
      {
        maxShardTensors: 1,
        createSink: async (name) => ({
          name,
          write: async () => {},
          finish: async () => {
            throw new Error('no finish');
          },
          discard: async () => {
            discarded.push(name);
            throw new Error('no discard');
          },
        }),
      },
    );
    await expect(writing).rejects.toThrow('no finish');
    expect(discarded).toEqual(['model-00001-of-00002.gguf', 'model-00002-of-00002.gguf']);
  });

  it.each([
    ['too few', [new Uint8Array(12)]],
    ['too many', [new Uint8Array(16), new Uint8Array(1)]],
  ])('notices %s bytes from the supplier and discards the file', async (_, pieces) => {
    const memory = new MemoryFiles();
    const content = { metadata: new Map(), tensors: [tensor('a', 'f32', 4)], bytes: () => pieces };
    const error = await errorOf(() => writeGguf('model.gguf', content, { createSink: memory.create }));
    expect(error).toBeInstanceOf(InternalError);
    expect(memory.files.size).toBe(0);
    expect(memory.discarded).toBe(1);
  });

  it.each<[string, TensorToWrite[], unknown, string]>([
    ['a tensor twice', [tensor('a', 'f32', 4), tensor('a', 'f32', 4)], UsageError, 'tensor-name'],
    ['a name of 64 bytes', [tensor('é'.repeat(32), 'f32', 4)], UsageError, 'tensor-name'],
    ['no dimensions', [tensor('a', 'f32')], ShapeError, 'tensor-shape'],
    ['five dimensions', [tensor('a', 'f32', 1, 1, 1, 1, 1)], ShapeError, 'tensor-shape'],
    ['an empty tensor', [tensor('a', 'f32', 0, 4)], ShapeError, 'tensor-shape'],
    ['rows that cut a block', [tensor('ffn_down_exps', 'q4_k', 16, 1408)], ShapeError, 'block-size'],
    ['a type without a GGUF id', [tensor('a', 'f8_e4m3', 4)], UsageError, 'no-gguf-type'],
  ])('refuses %s', async (_, tensors, errorClass, code) => {
    const error = await errorOf(() => ggufBytes({}, tensors));
    expect(error).toBeInstanceOf(errorClass);
    expect(error.code).toBe(code);
    expect(error.message).toContain(`"${tensors[0].name}"`);
  });

  it.each([u32(48), u32(4), text('32')])('refuses the alignment %o', async (alignment) => {
    expect((await errorOf(() => ggufBytes({ 'general.alignment': alignment }, []))).code).toBe(
      'bad-alignment',
    );
  });
});
