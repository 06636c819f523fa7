import { describe, expect, it } from 'vitest';
import { encodeProgram } from '../../src/backend/program/encode-program.ts';
import { compile } from '../../src/compile/compile.ts';
import type { Program } from '../../src/compile/program.ts';
import { f16 } from '../../src/dtype/index.ts';
import { cachePageBytes, inferenceGraph } from '../../src/engine/inference-graph.ts';
import { architectures } from '../../src/model/architectures.ts';
import { checkConfig } from '../../src/model/config.ts';
import { configFromGguf, configToGguf } from '../../src/model/config-gguf.ts';
import { configFromHf } from '../../src/model/config-hf.ts';
import { countParameters, routedLayers } from '../../src/model/weights.ts';
import { SMALL_RELATIVES } from '../fixtures/small-relatives.ts';

/** The released dots.llm1. */
const DOTS_LLM1 = {
  model_type: 'dots1',
  vocab_size: 152064,
  hidden_size: 4096,
  num_hidden_layers: 62,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  intermediate_size: 10944,
  moe_intermediate_size: 1408,
  n_routed_experts: 128,
  n_shared_experts: 2,
  num_experts_per_tok: 6,
  first_k_dense_replace: 1,
  norm_topk_prob: true,
  routed_scaling_factor: 2.5,
  rms_norm_eps: 1e-5,
  rope_theta: 1e7,
  max_position_embeddings: 32768,
  tie_word_embeddings: false,
};

describe('an unknown architecture', () => {
  it('is refused with the names of all that are known, in the spelling of the file', () => {
    const gguf = { metadata: new Map([['general.architecture', { value: 'gpt2' }]]), tensors: new Map() };
    for (const { name, hfModelType } of architectures) {
      expect(() => configFromGguf(gguf, 'a.gguf')).toThrow(
        expect.objectContaining({
          code: 'wrong-architecture',
          message: expect.stringContaining('"gpt2"'),
          hint: expect.stringContaining(`"${name}"`),
        }),
      );
      expect(() => configFromHf({ model_type: 'gpt2' })).toThrow(
        expect.objectContaining({ hint: expect.stringContaining(`"${hfModelType}"`) }),
      );
    }
  });
});

describe('configFromHf()', () => {
  it('names every variant that would be computed wrongly, and only then what is missing', () => {
    const { vocab_size: _, ...incomplete } = DOTS_LLM1;
    expect(() => configFromHf({ ...incomplete, hidden_act: 'gelu', attention_bias: true })).toThrow(
      expect.objectContaining({
        code: 'unsupported-variant',
        message: expect.stringMatching(/the activation "gelu"; biases in attention, which dots.llm1/),
      }),
    );
    expect(() => configFromHf(incomplete)).toThrow(
      expect.objectContaining({ code: 'bad-config', message: expect.stringContaining('"vocab_size"') }),
    );
  });
});

describe('what follows from the list of weights', () => {
  const config = configFromHf(DOTS_LLM1);

  it('is the number of parameters that the model card says', () => {
    expect(countParameters(config)).toEqual({ total: 142_774_381_696, active: 14_016_588_928 });
  });

  it('is where the experts are', () => {
    const layers = routedLayers(config);
    expect(layers).toHaveLength(61);
    expect(layers[0]).toEqual({
      layer: 1,
      numExperts: 128,
      numChosen: 6,
      bias: 'layers.1.routerBias',
    });
  });
});

describe.each([
  ['dots1', DOTS_LLM1],
  ['qwen3moe', SMALL_RELATIVES.qwen3moe],
  ['llama', SMALL_RELATIVES.llama],
])('a config.json of %s', (_, hf) => {
  it.each([
    [{ rope_scaling: [1, 2] }, '"rope_scaling" is [1,2], expected an object'],
    [{ rope_scaling: 'yarn' }, '"rope_scaling" is "yarn", expected an object'],
    [{ rope_parameters: 4 }, '"rope_parameters" is 4, expected an object'],
    [{ attention_bias: 1 }, '"attention_bias" is 1, expected true or false'],
  ])('with %o is refused, whose meaning readers would guess', (fields, problem) => {
    expect(() => configFromHf({ ...hf, ...fields })).toThrow(
      expect.objectContaining({ code: 'bad-config', message: expect.stringContaining(`json: ${problem}`) }),
    );
  });

  it('may list nothing', () => {
    const nothing = {
      rope_scaling: null,
      rope_parameters: null,
      partial_rotary_factor: 1,
      layer_types: null,
    };
    expect(configFromHf({ ...hf, ...nothing })).toEqual(configFromHf(hf));
  });
});

it('a GGUF key that should be a boolean and is a number is refused, not read as false', () => {
  const entries: [string, { value: unknown }][] = configToGguf(configFromHf(DOTS_LLM1));
  const metadata = new Map<string, { value: unknown }>([
    ...entries,
    ['general.architecture', { value: 'dots1' }],
    ['dots1.expert_weights_norm', { value: 1 }],
  ]);
  expect(() => configFromGguf({ metadata, tensors: new Map() }, 'a.gguf')).toThrow(
    /"dots1.expert_weights_norm" is 1, expected a boolean/,
  );
});

// Each of these took time that grows with the square of the number of layers: minutes, for what a file may have.
describe('a model of very many layers', () => {
  const config = { ...configFromHf(DOTS_LLM1), numLayers: 1200 };

  it('is listed, traced and encoded in a time that grows with their number', { timeout: 60_000 }, () => {
    const secondsOf = (work: () => unknown): number => {
      const start = performance.now();
      work();
      return (performance.now() - start) / 1000;
    };
    let program: Program | undefined;
    const compiling = secondsOf(() => {
      program = compile(inferenceGraph(config, 1), { name: 'dots1', supports: () => true });
    });
    // The work that was linear all along is the measure of the machine.
    expect(secondsOf(() => routedLayers(config))).toBeLessThan(compiling / 3);
    expect(secondsOf(() => encodeProgram(program as Program, { P: 1 }))).toBeLessThan(compiling / 2);
    expect(routedLayers(config)).toHaveLength(1199);
  });

  it('is refused where there are more than files may have, whoever asks for it', () => {
    expect(() => checkConfig({ ...config, numLayers: 10_001 }, 'x')).toThrow(
      /10001 layers, of 10000 at most/,
    );
  });
});

describe('cachePageBytes()', () => {
  it('counts keys and values of 64 positions in every layer', () => {
    const graph = inferenceGraph(configFromHf(DOTS_LLM1), 1);
    expect(cachePageBytes(graph, f16)).toBe(2 * 62 * 64 * 4096 * 2);
  });
});

// What is made for each layer and each expert stays small, whatever a damaged file says.
describe.each([
  ['dots1', DOTS_LLM1, 'n_routed_experts'],
  ['qwen3moe', SMALL_RELATIVES.qwen3moe, 'num_experts'],
  ['llama', SMALL_RELATIVES.llama, undefined],
])('counts of %s', (name, hf, experts) => {
  const gguf = (key: string, value: number) => {
    const entries: [string, { value: unknown }][] = configToGguf(configFromHf(hf));
    const metadata = new Map([
      ...entries,
      ['general.architecture', { value: name }],
      [`${name}.${key}`, { value }],
    ]);
    return configFromGguf({ metadata, tensors: new Map() } as Parameters<typeof configFromGguf>[0], 'a.gguf');
  };

  it('a model has up to 10,000 layers', () => {
    expect(configFromHf({ ...hf, num_hidden_layers: 10_000 }).numLayers).toBe(10_000);
    expect(gguf('block_count', 10_000).numLayers).toBe(10_000);
    const refused = { code: 'bad-config', message: expect.stringContaining('at most 10000') };
    expect(() => configFromHf({ ...hf, num_hidden_layers: 10_001 })).toThrow(
      expect.objectContaining(refused),
    );
    expect(() => gguf('block_count', 10_001)).toThrow(expect.objectContaining(refused));
    expect(() => gguf('block_count', 2 ** 53)).toThrow(expect.objectContaining(refused));
  });

  it.skipIf(!experts)('a layer has up to 65,536 experts', () => {
    const field = experts as string;
    expect(configFromHf({ ...hf, [field]: 65_536 })).toMatchObject({ numExperts: 65_536 });
    expect(gguf('expert_count', 65_536)).toMatchObject({ numExperts: 65_536 });
    const refused = { code: 'impossible-config', message: expect.stringContaining('numExperts = 65537') };
    expect(() => configFromHf({ ...hf, [field]: 65_537 })).toThrow(expect.objectContaining(refused));
    expect(() => gguf('expert_count', 65_537)).toThrow(expect.objectContaining(refused));
  });
});
