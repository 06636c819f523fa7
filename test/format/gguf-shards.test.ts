import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/core/errors.ts';
import { readGguf } from '../../src/format/gguf.ts';
import { openGguf } from '../../src/format/gguf-shards.ts';
import { writeGguf } from '../../src/format/gguf-writer.ts';
import { memorySource } from '../../src/format/memory-source.ts';
import {
  errorOf,
  fillBytes,
  ggufBytes,
  golden,
  MemoryFiles,
  summarise,
  tensor,
  text,
  u32,
} from './helpers.ts';

const expected = JSON.parse(readFileSync(golden('expected.json'), 'utf8'));
const TENSORS = ['a', 'b', 'c', 'd', 'e'].map((name) => tensor(name, 'f32', 4, 8));
const METADATA = new Map([
  ['general.architecture', text('dots1')],
  ['general.alignment', u32(64)],
]);

async function writeSet(limits: { maxShardTensors?: number; maxShardBytes?: number }): Promise<MemoryFiles> {
  const memory = new MemoryFiles();
  const content = { metadata: METADATA, tensors: TENSORS, bytes: fillBytes };
  await writeGguf('dir/model.gguf', content, { ...limits, createSink: memory.create });
  return memory;
}

describe('openGguf', () => {
  it.each([1, 2, 3])('opens the gguf package’s split set by shard %i', async (shard) => {
    await using model = await openGguf(golden(`split-0000${shard}-of-00003.gguf`));
    expect(model.sources).toHaveLength(3);
    expect(model.metadata.get('test.u16')).toEqual({ type: 'u16', value: 65535 });
    expect([...model.tensors.keys()]).toEqual(Object.keys(expected.gguf));
    for (const [name, summary] of Object.entries(expected.gguf)) {
      expect(await summarise(model.tensors.get(name)!), name).toEqual(summary);
    }
    expect(model.sizeBytes).toBe(480 + 512 + 384);
  });

  it('opens a file of its own, and closes it twice without complaint', async () => {
    const model = await openGguf(golden('values.gguf'));
    expect(model.sources).toHaveLength(1);
    await model.close();
    await model.close();
    const first = model.tensors.get('plain.f32')!;
    expect((await errorOf(() => first.source.read(first.offset, 4))).code).toBe('source-closed');
  });

  it('names all missing shards at once', async () => {
    const { files, open } = await writeSet({ maxShardTensors: 1 });
    files.delete('dir/model-00002-of-00005.gguf');
    files.delete('dir/model-00005-of-00005.gguf');
    const error = await errorOf(() => openGguf('dir/model-00001-of-00005.gguf', open));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.code).toBe('missing-shards');
    expect(error.message).toContain(
      '2 of its 5 files are missing: dir/model-00002-of-00005.gguf, dir/model-00005',
    );
  });

  it('names a truncated shard', async () => {
    const { files, open } = await writeSet({ maxShardTensors: 2 });
    files.set('dir/model-00002-of-00003.gguf', files.get('dir/model-00002-of-00003.gguf')!.slice(0, -1));
    const error = await errorOf(() => openGguf('dir/model-00001-of-00003.gguf', open));
    expect(error.code).toBe('truncated-file');
    expect(error.message).toContain('dir/model-00002-of-00003.gguf');
  });

  it('names a shard that sits under the name of another', async () => {
    const { files, open } = await writeSet({ maxShardTensors: 2 });
    files.set('dir/model-00002-of-00003.gguf', files.get('dir/model-00003-of-00003.gguf')!);
    const error = await errorOf(() => openGguf('dir/model-00001-of-00003.gguf', open));
    expect(error.code).toBe('mixed-up-shards');
    expect(error.message).toContain('dir/model-00002-of-00003.gguf');
    expect(error.message).toContain('found shard 3 of 3 in its metadata');
  });

  it('refuses a shard of a set with other tensors', async () => {
    const { files, open } = await writeSet({ maxShardTensors: 2 });
    const other = new MemoryFiles();
    const tensors = [...TENSORS.slice(0, 4), tensor('e', 'f32', 8), tensor('f', 'f32', 8)];
    const content = { metadata: METADATA, tensors, bytes: fillBytes };
    await writeGguf('model.gguf', content, { maxShardTensors: 2, createSink: other.create });
    files.set('dir/model-00003-of-00003.gguf', other.files.get('model-00003-of-00003.gguf')!);
    const error = await errorOf(() => openGguf('dir/model-00001-of-00003.gguf', open));
    expect(error.code).toBe('mixed-up-shards');
    expect((error as FormatError).found).toBe('2 + 2 + 2 = 6');
  });

  it('refuses two shards with the same tensor', async () => {
    const { files, open } = await writeSet({ maxShardTensors: 2 });
    const other = new MemoryFiles();
    const tensors = [...'vwxyd'].map((name) => tensor(name, 'f32', 4));
    const content = { metadata: METADATA, tensors, bytes: fillBytes };
    await writeGguf('model.gguf', content, { maxShardTensors: 2, createSink: other.create });
    files.set('dir/model-00003-of-00003.gguf', other.files.get('model-00003-of-00003.gguf')!);
    const error = await errorOf(() => openGguf('dir/model-00001-of-00003.gguf', open));
    expect(error.code).toBe('mixed-up-shards');
    expect(error.message).toContain('"d", which is in dir/model-00002-of-00003.gguf too');
  });

  it('refuses a shard that was renamed like a file of its own', async () => {
    const { files, open } = await writeSet({ maxShardTensors: 2 });
    files.set('model.gguf', files.get('dir/model-00001-of-00003.gguf')!);
    const error = await errorOf(() => openGguf('model.gguf', open));
    expect(error.code).toBe('mixed-up-shards');
    expect(error.message).toContain('expected a name like model-00001-of-00002.gguf');
  });

  it('opens a whole file that is named like a shard', async () => {
    const memory = new MemoryFiles();
    memory.files.set('model-00001-of-00013.gguf', await ggufBytes(METADATA, TENSORS));
    const model = await openGguf('model-00001-of-00013.gguf', memory.open);
    expect(model.tensors.size).toBe(TENSORS.length);
    expect(model.sources.length).toBe(1);
  });

  it('closes every file it opened when one of them is bad', async () => {
    const { files, open } = await writeSet({ maxShardTensors: 1 });
    files.set('dir/model-00004-of-00005.gguf', new Uint8Array(100));
    let numOpen = 0;
    const counted = async (name: string) => {
      const source = await open(name);
      numOpen++;
      return {
        ...source,
        close: async () => {
          numOpen--;
        },
      };
    };
    await errorOf(() => openGguf('dir/model-00001-of-00005.gguf', counted));
    expect(numOpen).toBe(0);
  });
});

describe('writeGguf with shards', () => {
  it('starts a new shard before one exceeds the limit of bytes', async () => {
    // Each tensor takes 128 bytes.
    const { files, open } = await writeSet({ maxShardBytes: 300 });
    expect([...files.keys()].sort()).toEqual([1, 2, 3].map((i) => `dir/model-0000${i}-of-00003.gguf`));
    const model = await openGguf('dir/model-00001-of-00003.gguf', open);
    expect([...model.tensors.keys()]).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('gives the first shard all metadata, and the others the split keys and the alignment', async () => {
    const { files } = await writeSet({ maxShardTensors: 2 });
    const keys = async (name: string) => [
      ...(await readGguf(memorySource(files.get(name)!, name))).metadata.keys(),
    ];
    const split = ['split.no', 'split.count', 'split.tensors.count'];
    expect(await keys('dir/model-00001-of-00003.gguf')).toEqual([...METADATA.keys(), ...split]);
    expect(await keys('dir/model-00003-of-00003.gguf')).toEqual(['general.alignment', ...split]);
  });

  it('writes one plain file when everything fits, and forgets that the source was split', async () => {
    const { open } = await writeSet({ maxShardTensors: 2 });
    const model = await openGguf('dir/model-00001-of-00003.gguf', open);
    const bytes = await ggufBytes(model.metadata as Map<string, never>, TENSORS, { maxShardTensors: 5 });
    const { metadata } = await readGguf(memorySource(bytes, 'model.gguf'));
    expect([...metadata.keys()]).toEqual([...METADATA.keys()]);
  });
});
