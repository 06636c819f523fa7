import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import { openModelFiles } from '../../src/engine/model-files.ts';
import { bindWeights } from '../../src/model/bind-weights.ts';
import { configFromGguf } from '../../src/model/config-gguf.ts';
import { configFromHf } from '../../src/model/config-hf.ts';
import { inHfOrder } from '../../src/model/row-order.ts';
import { countParameters, weightSpecs } from '../../src/model/weights.ts';
import { copyWeights, storeSpecs } from '../../src/train/parameters.ts';
import { train } from '../../src/train/trainer.ts';
import { runCli } from '../cli/run-cli.ts';
import { tensorsOf, writeHfFolder } from '../convert/models.ts';
import { SMALL_RELATIVES } from '../fixtures/small-relatives.ts';
import { toyFolder, toyOptions, toyRun } from '../train/toy.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-llama-'));
afterAll(() => rmSync(folder, { recursive: true }));

const { llama: PLAIN, 'llama, scaled rope, tied, head size 6': SCALED } = SMALL_RELATIVES;

/** A folder, and the GGUF file made of it. */
async function bothFormats(name: string, config: typeof PLAIN): Promise<{ hf: string; gguf: string }> {
  const hf = await writeHfFolder(join(folder, name), config);
  const gguf = join(folder, `${name}.gguf`);
  expect(await runCli(['convert', hf, gguf])).toMatchObject({ code: 0, stderr: '' });
  return { hf, gguf };
}

describe('a Llama folder', () => {
  it.each([
    [{ attention_bias: true }, 'biases in attention'],
    [{ mlp_bias: true }, 'biases in its feed-forward network'],
    [{ hidden_act: 'gelu' }, 'the activation "gelu"'],
    [{ rope_scaling: { type: 'yarn', factor: 4 } }, 'rope scaling of type "yarn"'],
    [{ rope_parameters: { rope_type: 'linear', factor: 4 } }, 'rope scaling of type "linear"'],
    [{ rope_scaling: { factor: 4 } }, 'rope scaling without a type'],
    [{ rope_scaling: { type: null, factor: 4 } }, 'rope scaling without a type'],
    [{ partial_rotary_factor: 0.5 }, 'rotation of a share of 0.5 of each head'],
    [{ rope_parameters: { partial_rotary_factor: 0.5 } }, 'rotation of a share of 0.5 of each head'],
  ])('with %o is refused', (fields, what) => {
    expect(() => configFromHf({ ...PLAIN, ...fields })).toThrow(
      expect.objectContaining({
        code: 'unsupported-variant',
        message: `config.json asks for ${what}, which Llama does not have`,
      }),
    );
  });

  it('whose scaling lacks a number is refused with its name', () => {
    const { factor: _, ...rest } = SCALED.rope_scaling as { factor: number };
    expect(() => configFromHf({ ...SCALED, rope_scaling: rest })).toThrow(/"rope_scaling.factor" is missing/);
  });

  it('whose scaling has a factor that f32 does not have is impossible', () => {
    for (const factor of [1e-300, 1e300]) {
      const scaling = { ...(SCALED.rope_scaling as object), factor };
      expect(() => configFromHf({ ...SCALED, rope_scaling: scaling })).toThrow(
        expect.objectContaining({
          code: 'impossible-config',
          message: expect.stringContaining(`a rope scaling factor of ${factor}`),
        }),
      );
    }
  });

  it('whose scaling has its frequencies the wrong way round is impossible', () => {
    const scaling = { ...(SCALED.rope_scaling as object), high_freq_factor: 0.5 };
    expect(() => configFromHf({ ...SCALED, rope_scaling: scaling })).toThrow(
      expect.objectContaining({ code: 'impossible-config' }),
    );
  });

  it('counts no rope factors among its parameters', () => {
    const { rope_scaling: _, ...plain } = SCALED as typeof SCALED & { rope_scaling: unknown };
    expect(countParameters(configFromHf(SCALED))).toEqual(countParameters(configFromHf(plain)));
  });
});

describe('a Llama GGUF file', () => {
  const keys = {
    block_count: 2,
    context_length: 64,
    embedding_length: 8,
    feed_forward_length: 16,
    vocab_size: 32,
    'attention.head_count': 2,
    'attention.layer_norm_rms_epsilon': 1e-5,
  };
  const config = (more: object = {}, tensors: readonly string[] = []) =>
    configFromGguf(
      {
        metadata: new Map<string, { value: unknown }>([
          ['general.architecture', { value: 'llama' }],
          ...Object.entries({ ...keys, ...more }).map(([key, value]): [string, { value: unknown }] => [
            `llama.${key}`,
            { value },
          ]),
        ]),
        tensors: new Map(tensors.map((name) => [name, { shape: [1] }])),
      },
      'a.gguf',
    );

  it('needs no more keys than these', () => {
    expect(config()).toMatchObject({
      headSize: 4,
      numKeyValueHeads: 2,
      ropeTheta: 10_000,
      hasGgufRows: true,
    });
  });

  it.each([
    [{ expert_count: 8 }, [], 'experts'],
    [{ 'rope.scaling.type': 'yarn' }, [], 'rope scaling of type "yarn"'],
    [{ 'rope.scaling.type': 'linear', 'rope.scaling.factor': 4 }, [], 'rope scaling of type "linear"'],
    [{ 'rope.scale_linear': 4 }, [], 'rope scaling of type "linear"'],
    [{ 'rope.scaling.factor': 4 }, [], 'rope scaling of type "linear"'],
    [{ 'rope.scaling.attn_factor': 0.5 }, [], 'rotation that multiplies by 0.5'],
    [{ 'rope.dimension_count': 2 }, [], 'rotation of 2 of 4 dimensions'],
    [{}, ['blk.0.attn_q.bias', 'blk.0.attn_v.bias'], 'biases in attn_q, attn_v'],
  ])('with %o and tensors %o is refused', (more, tensors, what) => {
    expect(() => config(more, tensors)).toThrow(
      expect.objectContaining({ message: `a.gguf asks for ${what}, which Llama does not have` }),
    );
  });

  it('with linear rope scaling by 1 is the same model', () => {
    expect(config({ 'rope.scaling.type': 'linear', 'rope.scaling.factor': 1 })).toEqual(config());
  });

  it('is the same folder again', async () => {
    const { hf, gguf } = await bothFormats('there', PLAIN);
    const back = join(folder, 'back');
    expect(await runCli(['convert', gguf, back])).toMatchObject({ code: 0, stderr: '' });
    expect(await tensorsOf(back)).toEqual(await tensorsOf(hf));
    const files = await openModelFiles(back);
    expect(files.config).toEqual(configFromHf(PLAIN));
    await files.close();
  });

  it('with factors of its rope scaling cannot become a folder, nor be trained on', async () => {
    const { gguf } = await bothFormats('scaled', SCALED);
    const back = await runCli(['convert', gguf, join(folder, 'scaled-back')]);
    expect(back.stderr).toContain('has the factors of its rope scaling only');
    const files = await openModelFiles(gguf);
    const options = toyOptions(toyRun(), await toyFolder());
    const model = inHfOrder(files.config).config;
    await expect(train({ ...options, model })).rejects.toThrow(/has the factors of its rope scaling only/);
    await files.close();
  });

  it('starts a training run with the weights of the folder', async () => {
    const paths = await bothFormats('start', PLAIN);
    const stores = await Promise.all(
      Object.values(paths).map(async (path) => {
        const { config: found, tensors, format, origin, close } = await openModelFiles(path);
        const store = referenceBackend.createStore(storeSpecs(found, 'adamw'));
        await copyWeights(store, bindWeights(found, tensors, format, origin).weights, found);
        await close();
        return weightSpecs(found).map(({ name }) => [name, store.array(name)]);
      }),
    );
    expect(stores[1]).toEqual(stores[0]);
    expect(inHfOrder(configFromHf(PLAIN)).config).toEqual(configFromHf(PLAIN));
  });
});
