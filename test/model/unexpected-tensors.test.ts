import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { configFromHf } from '../../src/model/config-hf.ts';
import { editedGguf } from '../cli/edited-gguf.ts';
import { runCli } from '../cli/run-cli.ts';
import { logitsOf, writeHfFolder } from '../convert/models.ts';
import { type NamedTensor, SMALLEST_HF_CONFIG } from '../fixtures/random-dots1.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-unexpected-'));
afterAll(() => rmSync(folder, { recursive: true }));

const CONFIG = { ...SMALLEST_HF_CONFIG, num_hidden_layers: 3 };

const TOKENS = [1, 5, 9];
const vector = (size: number): NamedTensor => ({ shape: [size], data: new Float32Array(size).fill(1) });

let numFolders = 0;
function modelWith(edit: (weights: Map<string, NamedTensor>) => void, config = CONFIG): Promise<string> {
  return writeHfFolder(join(folder, `hf-${numFolders++}`), config, edit);
}

describe('a tensor of the network that the configuration has no place for', () => {
  it.each([
    ['a bias', 'model.layers.0.self_attn.q_proj.bias', /ignoring them would give wrong results/],
    ['another norm', 'model.layers.1.self_attn.sinks', /ignoring them would give wrong results/],
    ['a bias of the output', 'lm_head.bias', /ignoring them would give wrong results/],
    ['a layer', 'model.layers.3.input_layernorm.weight', /says 3 layers, and there are tensors of 4/],
  ])('%s is refused wherever the folder is opened', async (_, name, hint) => {
    const path = await modelWith((weights) => weights.set(name, vector(16)));
    const out = join(folder, `${numFolders}.gguf`);
    for (const args of [
      ['info', path],
      ['convert', path, out],
      ['logits', path, '--tokens', '1'],
    ]) {
      const { code, stderr } = await runCli(args);
      expect([code, stderr]).toEqual([1, expect.stringContaining(`no place for: ${name}`)]);
      expect(stderr).toMatch(hint);
    }
  });

  it('too few layers in config.json are refused', async () => {
    const path = await modelWith(() => {});
    const { writeFileSync } = await import('node:fs');
    writeFileSync(join(path, 'config.json'), JSON.stringify({ ...CONFIG, num_hidden_layers: 2 }));
    const { code, stderr } = await runCli(['info', path]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/says 2 layers, and there are tensors of 3/)]);
  });

  it.each([
    ['exp_probs_b under a name that nobody reads', 'blk.1.exp_probs_b.bias', 'blk.1.exp_probs_b'],
    ['factors of rope scaling', 'blk.1.exp_probs_b.bias', 'rope_freqs.weight'],
  ])('in a GGUF file: %s', async (_, from, to) => {
    const path = await editedGguf(join(folder, `${to}.gguf`), {
      tensors: (tensors) => tensors.map((one) => (one.name === from ? { ...one, name: to } : one)),
    });
    const { code, stderr } = await runCli(['info', path]);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`no place for: ${to}`)]);
  });
});

describe('a tensor that changes nothing', () => {
  it('is reported, and the model works: a head of another task, a table of angles', async () => {
    const plain = await modelWith(() => {});
    const path = await modelWith((weights) => {
      weights.set('score.weight', vector(16));
      weights.set('model.layers.0.self_attn.rotary_emb.inv_freq', vector(4));
    });
    const { code, stderr } = await runCli(['info', path]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/1 tensors are not part .* score\.weight/)]);
    expect(await logitsOf(path, TOKENS)).toEqual(await logitsOf(plain, TOKENS));
  });

  it('an output matrix is used, even where the configuration says that it is the embedding', async () => {
    const plain = await modelWith(() => {});
    const { writeFileSync } = await import('node:fs');
    const path = await modelWith(() => {});
    writeFileSync(join(path, 'config.json'), JSON.stringify({ ...CONFIG, tie_word_embeddings: true }));
    expect(await logitsOf(path, TOKENS)).toEqual(await logitsOf(plain, TOKENS));
  });
});

describe('a config.json that contradicts itself', () => {
  it.each([
    [
      { rope_parameters: { rope_theta: 1e7, rope_type: 'default' } },
      '"rope_theta" is 10000, but "rope_parameters.rope_theta" is 10000000',
    ],
    [
      { rope_scaling: { rope_type: 'default', type: 'linear' } },
      '"rope_scaling.rope_type" is "default", but "rope_scaling.type" is "linear"',
    ],
    [
      {
        rope_scaling: { rope_type: 'linear', factor: 1 },
        rope_parameters: { rope_type: 'linear', factor: 2 },
      },
      '"rope_scaling.factor" is 1, but "rope_parameters.factor" is 2',
    ],
    [
      { rope_scaling: { rope_type: 'default' }, rope_parameters: { rope_type: 'yarn' } },
      '"rope_scaling.rope_type" is "default", but "rope_parameters.rope_type" is "yarn"',
    ],
    [{ num_local_experts: 8 }, '"n_routed_experts" is 4, but "num_local_experts" is 8'],
  ])('%o is refused with both values', (fields, problem) => {
    expect(() => configFromHf({ ...CONFIG, ...fields })).toThrow(
      expect.objectContaining({ code: 'bad-config', message: expect.stringContaining(problem) }),
    );
  });

  it.each([
    [{ rope_parameters: { rope_theta: 1e4, rope_type: 'default' } }],
    [{ rope_scaling: { rope_type: 'linear', factor: 1.0 } }],
    [{ rope_scaling: { type: 'linear', rope_type: 'linear', factor: 1 } }],
    [{ num_local_experts: 4 }],
    [{ n_routed_experts: undefined, num_local_experts: 4 }],
  ])('%o says the same twice, or nothing', (fields) => {
    expect(configFromHf({ ...CONFIG, ...fields })).toEqual(configFromHf(CONFIG));
  });
});
