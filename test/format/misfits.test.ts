import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { f32 } from '../../src/dtype/index.ts';
import { writeGguf } from '../../src/format/gguf-writer.ts';
import { openStoredModel } from '../../src/format/stored-model.ts';
import { editedGguf } from '../cli/edited-gguf.ts';
import { TINY_HF_FOLDER, TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-misfits-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const model = readFileSync(TINY_LLAMACPP_GGUF);

async function tensorsOf(path: string): Promise<number> {
  const { tensors, close } = await openStoredModel(path);
  await close();
  return tensors.size;
}

describe('a GGUF model', () => {
  it.each([
    'sha256-0123456789abcdef',
    'model',
    'model.bin',
    'model.gguf.backup',
    'whole-00001-of-00013.gguf',
    'm.gguf.1',
  ])('opens by its content under the name %s', async (name) => {
    writeFileSync(at(name), model);
    expect(await tensorsOf(at(name))).toBe(await tensorsOf(TINY_LLAMACPP_GGUF));
  });

  it('opens by the folder that holds nothing else', async () => {
    mkdirSync(at('one'));
    symlinkSync(TINY_LLAMACPP_GGUF, at('one/tiny.gguf'));
    writeFileSync(at('one/README.md'), '');
    writeFileSync(at('one/mmproj-tiny.gguf'), '');
    expect(await tensorsOf(at('one'))).toBeGreaterThan(10);
  });

  it('has to be chosen where a folder holds several', async () => {
    mkdirSync(at('several'));
    for (const name of ['b-Q8_0-00001-of-00002.gguf', 'b-Q8_0-00002-of-00002.gguf', 'a-Q4_K.gguf'])
      writeFileSync(at(`several/${name}`), '');
    await expect(openStoredModel(at('several'))).rejects.toMatchObject({
      code: 'several-models',
      message: `Cannot choose between the 2 models in ${at('several')}: a-Q4_K.gguf, b-Q8_0-00001-of-00002.gguf`,
    });
  });
});

describe('one part of a file that was cut', () => {
  it.each([
    ['x.gguf.part1of2', 'cat x.gguf.part1of2 x.gguf.part2of2 > x.gguf'],
    ['x.gguf.part2of2', 'cat x.gguf.part1of2 x.gguf.part2of2 > x.gguf'],
    ['x.gguf.part03of12', 'cat x.gguf.part1of12 x.gguf.part2of12 … x.gguf.part12of12 > x.gguf'],
    ['x.gguf-split-b', 'cat x.gguf-split-* > x.gguf'],
    ['x.gguf.001', 'cat x.gguf.* > x.gguf'],
  ])('%s is refused with the command that joins the parts', async (name, command) => {
    // The first part begins like a model, the others do not.
    for (const bytes of [model.subarray(0, model.length / 2), model.subarray(model.length / 2)]) {
      writeFileSync(at(name), bytes);
      const error = await openStoredModel(at(name)).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: 'part-of-file' });
      expect((error as { hint: string }).hint.replaceAll(`${folder}/`, '')).toContain(command);
    }
  });
});

describe('what is not a model', () => {
  it.each([
    ['adapter', 'LoRA adapter', 'merge'],
    ['mmproj', 'image encoder', 'language model'],
    ['imatrix', 'importance matrix', 'of the model'],
  ])('is named where general.type is %s', async (type, what, hint) => {
    const path = await editedGguf(at(`${type}.gguf`), {
      metadata: { 'general.type': { type: 'string', value: type } },
    });
    const error = await openStoredModel(path).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ name: 'UnsupportedError', code: 'not-a-model' });
    expect((error as Error).message).toContain(what);
    expect((error as { hint: string }).hint).toContain(hint);
  });

  it('is named where a folder of PEFT holds an adapter', async () => {
    mkdirSync(at('peft'));
    writeFileSync(at('peft/adapter_config.json'), '{}');
    writeFileSync(at('peft/adapter_model.safetensors'), '');
    await expect(openStoredModel(at('peft'))).rejects.toThrow('is a LoRA adapter');
  });

  it('is named where only its tensors say that it is an adapter', async () => {
    const path = at('old-adapter.gguf');
    await writeGguf(path, {
      metadata: new Map([['general.architecture', { type: 'string', value: 'dots1' }]]),
      tensors: [{ name: 'blk.0.attn_q.weight.lora_a', type: f32, shape: [2, 2] }],
      bytes: () => [new Uint8Array(16)],
    });
    await expect(openStoredModel(path)).rejects.toThrow('is a LoRA adapter');
  });

  it.each([
    ['empty', '', 'is empty'],
    ['lfs', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n', 'pointer of Git LFS'],
    ['html', '\n<!DOCTYPE html><html>', 'web page'],
    ['json', '{"schemaVersion": 2}', 'JSON file'],
    ['ggml', 'tjgg\u0003\0\0\0', 'before GGUF'],
    ['zip', 'PK\u0003\u0004\0\0', 'PyTorch'],
    ['text', 'hello', 'not a GGUF file'],
    ['short', 'GG', 'not a GGUF file'],
  ])('is named by its content: %s', async (name, content, what) => {
    writeFileSync(at(`${name}.gguf`), content);
    await expect(openStoredModel(at(`${name}.gguf`))).rejects.toThrow(what);
  });

  it('is named where a safetensors file stands for its folder', async () => {
    const path = join(TINY_HF_FOLDER, 'model.safetensors');
    await expect(openStoredModel(path)).rejects.toMatchObject({
      message: `Cannot open ${path} as a model: it is a safetensors file`,
      hint: 'give the folder that holds it with its config.json',
    });
  });
});
