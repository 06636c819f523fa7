import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openGguf } from '../../src/format/gguf-shards.ts';
import type { GgufMetadata } from '../../src/format/gguf-values.ts';
import { runCli, runJson } from '../cli/run-cli.ts';
import { goldenDots1, goldenTinyHf, TINY_HF_FOLDER, TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';
import { logitsOf, tensorsOf, writeHfFolder } from './models.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-convert-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

async function converted(from: string, name: string, ...flags: string[]): Promise<string> {
  const result = await runCli(['convert', from, at(name), ...flags]);
  const others = result.stderr.split('\n').filter((line) => line !== '' && !NORMALIZER_NOTE.test(line));
  expect([result.code, others]).toEqual([0, []]);
  return at(name);
}

/** Files with a tokenizer that normalises give one in either direction; the tests below say when. */
const NORMALIZER_NOTE =
  /^note: {2}the (?:tokenizer puts text into|file does not say whether text is put into) form NFC/;

async function metadataOf(path: string): Promise<GgufMetadata> {
  const file = await openGguf(path);
  await file.close();
  return file.metadata;
}

const tokens = goldenTinyHf().tokens.slice(0, 24);

describe('folder to GGUF', () => {
  it("has the tensors of llama.cpp's own conversion, byte for byte", async () => {
    const path = await converted(TINY_HF_FOLDER, 'f32.gguf', '--type', 'f32');
    expect(await tensorsOf(path)).toEqual(await tensorsOf(TINY_LLAMACPP_GGUF));
  });

  it("says what llama.cpp's own conversion says", async () => {
    const ours = await metadataOf(await converted(TINY_HF_FOLDER, 'keys.gguf', '--type', 'f32'));
    for (const [key, value] of await metadataOf(TINY_LLAMACPP_GGUF)) {
      // The name is free text, and one group is the default.
      if (key === 'general.name' || /expert_group/.test(key)) continue;
      expect(ours.get(key), key).toEqual(value);
    }
  });

  it('gives the same logits as the folder in f32, and close ones in fewer bits', async () => {
    const folderLogits = await logitsOf(TINY_HF_FOLDER, tokens);
    const f32 = await logitsOf(await converted(TINY_HF_FOLDER, 'same.gguf', '--type', 'f32'), tokens);
    expect(f32).toEqual(folderLogits);
    for (const [type, tolerance] of [
      ['bf16', 0],
      ['f16', 0.02],
      ['q8_0', 0.6],
      ['q5_1', 1.5],
    ] as const) {
      const rows = await logitsOf(await converted(TINY_HF_FOLDER, `${type}.gguf`, '--type', type), tokens);
      const difference = Math.max(
        ...rows.map((row, t) => Math.max(...row.map((x, i) => Math.abs(x - folderLogits[t][i])))),
      );
      expect(difference, type).toBeLessThanOrEqual(tolerance);
    }
  });

  it('keeps norms, router and bias in f32, and uses f16 where rows do not divide into blocks', async () => {
    const { config } = goldenDots1('plain');
    const from = await writeHfFolder(at('odd'), { ...config, moe_intermediate_size: 24 });
    const tensors = await tensorsOf(await converted(from, 'odd.gguf', '--type', 'q8_0'));
    const typeOf = (name: string): string | undefined => tensors.get(name)?.type;
    for (const name of ['output_norm', 'blk.0.attn_norm', 'blk.1.attn_q_norm', 'blk.1.ffn_gate_inp'])
      expect(typeOf(`${name}.weight`)).toBe('f32');
    expect(typeOf('blk.1.exp_probs_b.bias')).toBe('f32');
    expect(typeOf('blk.1.ffn_up_exps.weight')).toBe('q8_0');
    expect(typeOf('blk.1.ffn_down_exps.weight')).toBe('f16');
    expect(tensors.get('blk.1.ffn_down_exps.weight')?.shape).toEqual([8, 64, 24]);
  });

  it.each(['groups', 'tied', 'wide-heads'])('computes the same as the folder: %s', async (name) => {
    const { config } = goldenDots1(name);
    const from = await writeHfFolder(at(name), config);
    const path = at(`${name}.gguf`);
    await runJson(['convert', from, path]);
    const ids = [1, 17, 255, 3, 60, 200];
    expect(await logitsOf(path, ids)).toEqual(await logitsOf(from, ids));
    // llama.cpp wants an output matrix even where it is the embedding.
    expect((await tensorsOf(path)).has('output.weight')).toBe(true);
  });

  it('takes an absent correction bias for zeros', async () => {
    const from = await writeHfFolder(at('no-bias'), goldenDots1('plain').config, (weights) => {
      for (const name of [...weights.keys()]) if (name.endsWith('correction_bias')) weights.delete(name);
    });
    const tensors = await tensorsOf(await converted(from, 'no-bias.gguf'));
    expect(tensors.get('blk.1.exp_probs_b.bias')).toEqual({
      type: 'f32',
      shape: [8],
      bytes: Buffer.alloc(32).toString('base64'),
    });
  });

  it('names the licence of the model card', async () => {
    const from = await writeHfFolder(at('card'), goldenDots1('plain').config);
    writeFileSync(join(from, 'README.md'), '---\nlanguage:\n- en\nlicense: mit\n---\n# A model\n');
    const metadata = await metadataOf(await converted(from, 'card.gguf'));
    expect(metadata.get('general.license')).toEqual({ type: 'string', value: 'mit' });
    expect(metadata.get('general.name')).toEqual({ type: 'string', value: 'card' });
    expect(metadata.get('tokenizer.ggml.model')).toEqual({ type: 'string', value: 'no_vocab' });
  });
});

describe('GGUF to folder', () => {
  it('and back has the same tensors and the same vocabulary', async () => {
    const hf = await converted(TINY_LLAMACPP_GGUF, 'hf');
    expect(readdirSync(hf).sort()).toEqual(
      [
        'config.json',
        'generation_config.json',
        'model.safetensors',
        'tokenizer.json',
        'tokenizer_config.json',
      ].sort(),
    );
    const back = await converted(hf, 'back.gguf');
    expect(await tensorsOf(back)).toEqual(await tensorsOf(TINY_LLAMACPP_GGUF));
    const before = await metadataOf(TINY_LLAMACPP_GGUF);
    const after = await metadataOf(back);
    for (const key of before.keys())
      if (/^tokenizer\./.test(key)) expect(after.get(key), key).toEqual(before.get(key));
  });

  it("has the released files' tensors again, in their type", async () => {
    const hf = await converted(TINY_LLAMACPP_GGUF, 'hf-bf16', '--type', 'bf16');
    const original = await tensorsOf(TINY_HF_FOLDER);
    const tensors = await tensorsOf(hf);
    expect([...tensors.keys()].sort()).toEqual([...original.keys()].sort());
    for (const [name, { type, bytes, shape }] of tensors) {
      expect(shape, name).toEqual(original.get(name)?.shape);
      if (type === 'bf16') expect(bytes, name).toBe(original.get(name)?.bytes);
    }
    expect(JSON.parse(readFileSync(join(hf, 'config.json'), 'utf8'))).toMatchObject({
      model_type: 'dots1',
      torch_dtype: 'bfloat16',
      eos_token_id: 437,
    });
  });

  it('decodes quantised files', async () => {
    const q8 = await converted(TINY_HF_FOLDER, 'q8.gguf', '--type', 'q8_0');
    const hf = await converted(q8, 'hf-q8', '--type', 'f32');
    expect(await logitsOf(hf, tokens)).toEqual(await logitsOf(q8, tokens));
    // Without --type: bf16, the type of the released weights.
    const types = new Set(
      [...(await tensorsOf(await converted(q8, 'hf-auto'))).values()].map(({ type }) => type),
    );
    expect([...types].sort()).toEqual(['bf16', 'f32']);
  });

  it('encodes text as the original folder does', async () => {
    const hf = await converted(TINY_LLAMACPP_GGUF, 'hf-text');
    const text = 'The lamp: 小灯塔 e\u0301 <|response|>\n\n 12';
    for (const flags of [[], ['--control']]) {
      const [a, b] = [hf, TINY_HF_FOLDER].map((path) =>
        runJson(['tokenize', path, '--text', text, ...flags]),
      );
      expect(await a).toEqual(await b);
    }
  });
});

describe('the normaliser', () => {
  // Composed, as the folder does, and as it is.
  const text = 'cafe\u0301';
  const idsOf = async (path: string) =>
    (await runJson<{ tokens: number[] }>(['tokenize', path, '--text', text])).tokens;
  const notes = async (from: string, to: string) =>
    (await runCli(['convert', from, at(to), '--force'])).stderr;

  it('goes to GGUF and back: the same ids everywhere, and a note that others cannot know', async () => {
    expect(await notes(TINY_HF_FOLDER, 'nfc.gguf')).toContain(
      'for which GGUF has no key; dots.ts reads dots.tokenizer',
    );
    expect(await notes(at('nfc.gguf'), 'nfc-hf')).toBe('');
    const ids = await idsOf(TINY_HF_FOLDER);
    expect([await idsOf(at('nfc.gguf')), await idsOf(at('nfc-hf'))]).toEqual([ids, ids]);
    expect(ids).not.toEqual(await idsOf(TINY_LLAMACPP_GGUF));
  });

  it('that is none stays none, although the vocabulary is cut as one that has it', async () => {
    const plain = at('no-nfc');
    cpSync(TINY_HF_FOLDER, plain, { recursive: true });
    const tokenizer = JSON.parse(readFileSync(join(plain, 'tokenizer.json'), 'utf8'));
    writeFileSync(join(plain, 'tokenizer.json'), JSON.stringify({ ...tokenizer, normalizer: null }));
    expect(await notes(plain, 'no-nfc.gguf')).toBe('');
    expect(await notes(at('no-nfc.gguf'), 'no-nfc-hf')).toBe('');
    const ids = await idsOf(plain);
    expect([await idsOf(at('no-nfc.gguf')), await idsOf(at('no-nfc-hf'))]).toEqual([ids, ids]);
    expect(ids).not.toEqual(await idsOf(TINY_HF_FOLDER));
  });

  it('that a GGUF file of others does not name is that of its family, with a note', async () => {
    expect(await notes(TINY_LLAMACPP_GGUF, 'guessed')).toContain(
      'the file does not say whether text is put into form NFC',
    );
    expect(await idsOf(at('guessed'))).toEqual(await idsOf(TINY_HF_FOLDER));
  });
});

describe('one type to another', () => {
  it('GGUF to GGUF changes weights and what is said about them, and nothing else', async () => {
    const q8 = await converted(TINY_LLAMACPP_GGUF, 'requantised.gguf', '--type', 'q8_0');
    expect(await tensorsOf(q8)).toEqual(
      await tensorsOf(await converted(TINY_HF_FOLDER, 'direct.gguf', '--type', 'q8_0')),
    );
    const [before, after] = [await metadataOf(TINY_LLAMACPP_GGUF), await metadataOf(q8)];
    expect(after.get('general.file_type')).toEqual({ type: 'u32', value: 7 });
    for (const [key, value] of before)
      if (key !== 'general.file_type') expect(after.get(key), key).toEqual(value);
  });

  it('folder to folder keeps the small files', async () => {
    const f16 = await converted(TINY_HF_FOLDER, 'hf-f16', '--type', 'f16');
    expect(JSON.parse(readFileSync(join(f16, 'config.json'), 'utf8'))).toEqual({
      ...JSON.parse(readFileSync(join(TINY_HF_FOLDER, 'config.json'), 'utf8')),
      torch_dtype: 'float16',
    });
    for (const name of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json'])
      expect(JSON.parse(readFileSync(join(f16, name), 'utf8'))).toEqual(
        JSON.parse(readFileSync(join(TINY_HF_FOLDER, name), 'utf8')),
      );
  });
});

describe('sampling defaults', () => {
  const RECOMMENDED = { temperature: 0.6, top_k: 20, top_p: 0.95, min_p: 0.05, repetition_penalty: 1.05 };
  const KNOWN = { temperature: 0.6, topK: 20, topP: 0.95, minP: 0.05, repetitionPenalty: 1.05 };

  async function folderWith(name: string, generationConfig: object): Promise<string> {
    const path = at(name);
    cpSync(TINY_HF_FOLDER, path, { recursive: true });
    writeFileSync(join(path, 'generation_config.json'), JSON.stringify(generationConfig));
    return path;
  }

  async function defaultsOf(path: string): Promise<unknown> {
    return JSON.parse((await runCli(['info', path, '--json'])).stdout).samplingDefaults;
  }

  it('travel from a folder to GGUF, to GGUF again, and back', async () => {
    const start = await folderWith('recommends', { eos_token_id: [1], ...RECOMMENDED });
    expect(await defaultsOf(start)).toEqual(KNOWN);
    const [first, second, back] = ['first.gguf', 'second.gguf', 'back'].map(at);
    for (const [from, to] of [
      [start, first],
      [first, second],
      [second, back],
    ]) {
      expect((await runCli(['convert', from, to, '--type', 'f16'])).code).toBe(0);
      expect(await defaultsOf(to)).toEqual(KNOWN);
    }
    // The names and types that llama.cpp reads.
    const metadata = await metadataOf(first);
    expect(metadata.get('general.sampling.top_k')).toEqual({ type: 'i32', value: 20 });
    expect(metadata.get('general.sampling.temp')).toEqual({ type: 'f32', value: Math.fround(0.6) });
    expect(metadata.get('general.sampling.penalty_repeat')).toEqual({
      type: 'f32',
      value: Math.fround(1.05),
    });
    const config = JSON.parse(readFileSync(join(back, 'generation_config.json'), 'utf8'));
    expect(config).toMatchObject({ do_sample: true, ...RECOMMENDED });
  });

  it('that no sampler can use are named and left out', async () => {
    const path = await folderWith('wrong', { temperature: -1, top_p: 'high', top_k: null, min_p: 0.1 });
    const { code, stderr } = await runCli(['info', path]);
    expect(code).toBe(0);
    expect(stderr).toContain('recommends temperature -1, which is ignored');
    expect(stderr).toContain('recommends top_p "high", which is ignored');
    expect(await defaultsOf(path)).toEqual({ minP: 0.1 });
  });

  it('are shown by info', async () => {
    const { stdout } = await runCli(['info', await folderWith('shown', RECOMMENDED)]);
    expect(stdout).toContain('temperature 0.6, top-k 20, top-p 0.95, min-p 0.05, repetition penalty 1.05');
  });
});

describe('outputs', () => {
  it('reports how many tensors and bytes were written', async () => {
    const result = await runJson(['convert', TINY_HF_FOLDER, at('counted.gguf')]);
    expect(result).toEqual({
      tensors: 46,
      bytes: readFileSync(at('counted.gguf')).length,
      warnings: [expect.stringContaining('form NFC')],
    });
  });

  it('are not replaced without --force, and never by themselves', async () => {
    writeFileSync(at('mine.gguf'), 'mine');
    const refused = await runCli(['convert', TINY_HF_FOLDER, at('mine.gguf')]);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('--force');
    expect(readFileSync(at('mine.gguf'), 'utf8')).toBe('mine');
    await converted(TINY_HF_FOLDER, 'mine.gguf', '--force');
    expect((await tensorsOf(at('mine.gguf'))).size).toBe(46);
    expect((await runCli(['convert', at('mine.gguf'), at('mine.gguf'), '--force'])).stderr).toContain(
      'onto itself',
    );
  });

  it('that are folders keep files that are not of the model, and lose weights of an older one', async () => {
    mkdirSync(at('busy'));
    for (const name of ['notes.txt', 'model-00001-of-00002.safetensors', 'model.safetensors.index.json'])
      writeFileSync(at(`busy/${name}`), 'old');
    expect((await runCli(['convert', TINY_LLAMACPP_GGUF, at('busy')])).code).toBe(2);
    await converted(TINY_LLAMACPP_GGUF, 'busy', '--force');
    const names = readdirSync(at('busy'));
    expect(names).toContain('notes.txt');
    expect(names.filter((name) => name.startsWith('model'))).toEqual(['model.safetensors']);
  });

  it('are refused where they cannot be', async () => {
    const folderToQ8 = await runCli(['convert', TINY_LLAMACPP_GGUF, at('q8-folder'), '--type', 'q8_0']);
    expect(folderToQ8).toMatchObject({ code: 2, stdout: '' });
    expect(folderToQ8.stderr).toContain('ends in .gguf');
    const noParent = await runCli(['convert', TINY_LLAMACPP_GGUF, at('none/such')]);
    expect(noParent).toMatchObject({ code: 2 });
    expect((await runCli(['convert', TINY_HF_FOLDER, at('none/such.gguf')])).code).toBe(2);
    writeFileSync(at('a-file'), '');
    expect((await runCli(['convert', TINY_LLAMACPP_GGUF, at('a-file'), '--force'])).code).toBe(2);
  });

  it.each(['gg', 'guf', 'ggml', 'gguff', 'safetensors', 'bin'])(
    'are refused where their ending looks like a file that is not written: .%s',
    async (ending) => {
      const path = at(`typo.${ending}`);
      const { code, stderr } = await runCli(['convert', TINY_LLAMACPP_GGUF, path]);
      expect(code).toBe(2);
      expect(stderr).toContain(`write ${at('typo.gguf')} for a GGUF file`);
      expect(existsSync(path)).toBe(false);
    },
  );

  it('are folders where a slash says so, whatever their ending', async () => {
    const path = at('meant.bin');
    expect((await runCli(['convert', TINY_LLAMACPP_GGUF, `${path}/`])).code).toBe(0);
    expect(readdirSync(path)).toContain('config.json');
  });

  it('do not appear at all when the conversion is interrupted', async () => {
    for (const name of ['stopped.gguf', 'stopped']) {
      const before = readdirSync(folder).sort();
      const result = await runCli(['convert', TINY_HF_FOLDER, at(name)], { interruptAfterMs: 1 });
      expect(result).toMatchObject({ code: 130, stdout: '' });
      expect(existsSync(at(name))).toBe(false);
      expect(readdirSync(folder).sort()).toEqual(before);
    }
  });
});
