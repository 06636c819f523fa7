import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FormatError, UsageError } from '../../src/core/errors.ts';
import { openHfFolder, readHfFiles } from '../../src/format/hf-folder.ts';
import { openSafetensorsFolder } from '../../src/format/safetensors-folder.ts';
import { writeSafetensors } from '../../src/format/safetensors-writer.ts';
import { errorOf, fillBytes, golden, MemoryFiles, summarise, tensor } from './helpers.ts';

const expected = JSON.parse(readFileSync(golden('expected.json'), 'utf8'));
const encode = (text: string) => new TextEncoder().encode(text);
const TENSORS = ['a', 'b', 'c', 'd', 'e'].map((name) => tensor(name, 'f32', 4, 8));
const INDEX = 'm/model.safetensors.index.json';

async function writeSharded(): Promise<MemoryFiles> {
  const memory = new MemoryFiles();
  await writeSafetensors(memory.folder('m'), { tensors: TENSORS, bytes: fillBytes }, { maxShardBytes: 256 });
  return memory;
}

describe('openHfFolder', () => {
  it('opens a sharded checkpoint of the safetensors package', async () => {
    await using folder = await openHfFolder(golden('sharded'));
    expect(folder.config.model_type).toBe('dots1');
    expect(folder.tokenizerJson).toBeUndefined();
    expect([...folder.tensors.keys()].sort()).toEqual(['a.bf16', 'a.f16', 'a.f32', 'a.f8', 'a.i64']);
    for (const [name, tensorOfName] of folder.tensors) {
      expect((await summarise(tensorOfName))[3], name).toBe(expected.safetensors[name][3]);
    }
  });

  it('gives all small files that are there', async () => {
    const memory = await writeSharded();
    memory.files.set('m/config.json', encode('{"vocab_size": 7}'));
    memory.files.set('m/generation_config.json', encode('{"eos_token_id": [1, 2]}'));
    memory.files.set('m/tokenizer.json', encode('{"model": {}}'));
    memory.files.set('m/tokenizer_config.json', encode('{"chat_template": "x"}'));
    memory.files.set('m/chat_template.jinja', encode('{{ messages }}\n'));
    const folder = await openHfFolder(memory.folder('m'));
    expect(folder.name).toBe('m');
    expect(folder.config).toEqual({ vocab_size: 7 });
    expect(folder.generationConfig).toEqual({ eos_token_id: [1, 2] });
    expect(folder.tokenizerJson).toEqual({ model: {} });
    expect(folder.tokenizerConfig).toEqual({ chat_template: 'x' });
    expect(folder.chatTemplate).toBe('{{ messages }}\n');
    expect(folder.tensors.size).toBe(5);
    await folder.close();
  });

  it('says which file is damaged and where', async () => {
    const memory = await writeSharded();
    memory.files.set('m/config.json', encode('{\n  "vocab_size": 7,\n}'));
    const error = await errorOf(() => openHfFolder(memory.folder('m')));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain('m/config.json: expected a key in double quotes at line 3, column 1');
    memory.files.set('m/config.json', encode('[]'));
    expect((await errorOf(() => readHfFiles(memory.folder('m')))).message).toContain(
      'expected a JSON object',
    );
  });

  it('says that a folder is not a model, or does not exist', async () => {
    const memory = new MemoryFiles();
    expect((await errorOf(() => openHfFolder(memory.folder('m')))).code).toBe('missing-config');
    memory.files.set('m/config.json', encode('{}'));
    expect((await errorOf(() => openHfFolder(memory.folder('m')))).code).toBe('no-weights');
    expect(await errorOf(() => openHfFolder(golden('absent')))).toBeInstanceOf(UsageError);
  });
});

describe('openSafetensorsFolder', () => {
  it('gives back what writeSafetensors divided into shards', async () => {
    const memory = await writeSharded();
    expect([...memory.files.keys()].sort()).toEqual([
      'm/model-00001-of-00003.safetensors',
      'm/model-00002-of-00003.safetensors',
      'm/model-00003-of-00003.safetensors',
      INDEX,
    ]);
    const { tensors, sources } = await openSafetensorsFolder(memory.folder('m'));
    expect([...tensors.keys()]).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(sources).toHaveLength(3);
    const index = JSON.parse(new TextDecoder().decode(memory.files.get(INDEX)));
    expect(index.metadata.total_size).toBe(5 * 128);
    expect(index.weight_map.c).toBe('model-00002-of-00003.safetensors');
  });

  it('names all missing shards at once', async () => {
    const memory = await writeSharded();
    memory.files.delete('m/model-00001-of-00003.safetensors');
    memory.files.delete('m/model-00003-of-00003.safetensors');
    const error = await errorOf(() => openSafetensorsFolder(memory.folder('m')));
    expect(error.code).toBe('missing-shards');
    expect(error.message).toContain(
      '2 files of its index are missing: model-00001-of-00003.safetensors, model-00003-of-00003.safetensors',
    );
  });

  it('names all tensors that the index promises in vain', async () => {
    const memory = await writeSharded();
    const index = JSON.parse(new TextDecoder().decode(memory.files.get(INDEX)));
    index.weight_map.x = 'model-00001-of-00003.safetensors';
    index.weight_map.a = 'model-00002-of-00003.safetensors';
    memory.files.set(INDEX, encode(JSON.stringify(index)));
    const error = await errorOf(() => openSafetensorsFolder(memory.folder('m')));
    expect(error.code).toBe('missing-tensors');
    expect(error.message).toContain(
      '2 tensors of its index are missing: a (in model-00002-of-00003.safetensors), x (in',
    );
  });

  it('names a truncated shard', async () => {
    const memory = await writeSharded();
    const name = 'm/model-00002-of-00003.safetensors';
    memory.files.set(name, memory.files.get(name)!.slice(0, -1));
    const error = await errorOf(() => openSafetensorsFolder(memory.folder('m')));
    expect(error.code).toBe('truncated-file');
    expect(error.message).toContain(name);
  });

  it.each(['../secret.safetensors', '/etc/secret.safetensors', 'a\\b.safetensors', 'model.bin', 7, null])(
    'does not follow the index to %j',
    async (file) => {
      const memory = new MemoryFiles();
      memory.files.set(INDEX, encode(JSON.stringify({ weight_map: { t: file } })));
      const error = await errorOf(() => openSafetensorsFolder(memory.folder('m')));
      expect(error.code).toBe('bad-index');
      expect(error.message).toContain(`${JSON.stringify(file)} for "t"`);
    },
  );

  it.each(['{}', '[]', 'null', '{"weight_map": {}}', '{"weight_map": "x"}'])(
    'refuses the index %s',
    async (json) => {
      const memory = new MemoryFiles();
      memory.files.set(INDEX, encode(json));
      expect((await errorOf(() => openSafetensorsFolder(memory.folder('m')))).code).toBe('bad-index');
    },
  );
});
