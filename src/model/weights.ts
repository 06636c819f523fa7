import type { Dots1Config } from './config.ts';

/**
 * One weight of the network: what the graph calls it, its shape, and where the two file formats keep it.
 * The list below is the only place that knows tensor names.
 */
export interface WeightSpec {
  readonly name: string;
  /** Row-major, outermost axis first. */
  readonly shape: readonly number[];
  readonly gguf: string;
  /** Hugging Face name; for experts `{e}` stands for the expert's number and each one is a tensor of its own. */
  readonly hf: string;
  readonly isNorm?: boolean;
  /** The router and its bias stay f32 in every file. */
  readonly isRouter?: boolean;
  /** May be missing, and is then all zeros. */
  readonly optional?: boolean;
}

/** All weights of a configuration, in the order of the forward pass. Source: `mlp.gate` is the router, `mlp.gate_proj` a SwiGLU gate. */
export function weightSpecs(config: Dots1Config): WeightSpec[] {
  const { hiddenSize: D, vocabSize: V, headSize: H, expertSize: F, numExperts: E } = config;
  const queryWidth = config.numHeads * H;
  const keyWidth = config.numKeyValueHeads * H;
  const specs: WeightSpec[] = [
    { name: 'tokenEmbedding', shape: [V, D], gguf: 'token_embd.weight', hf: 'model.embed_tokens.weight' },
  ];
  for (let layer = 0; layer < config.numLayers; layer++) {
    const add = (
      name: string,
      shape: number[],
      gguf: string,
      hf: string,
      flags: Partial<WeightSpec> = {},
    ): void => {
      specs.push({
        name: `layers.${layer}.${name}`,
        shape,
        gguf: `blk.${layer}.${gguf}`,
        hf: `model.layers.${layer}.${hf}`,
        ...flags,
      });
    };
    const norm = { isNorm: true };
    add('attentionNorm', [D], 'attn_norm.weight', 'input_layernorm.weight', norm);
    add('query', [queryWidth, D], 'attn_q.weight', 'self_attn.q_proj.weight');
    add('key', [keyWidth, D], 'attn_k.weight', 'self_attn.k_proj.weight');
    add('value', [keyWidth, D], 'attn_v.weight', 'self_attn.v_proj.weight');
    add('queryNorm', [H], 'attn_q_norm.weight', 'self_attn.q_norm.weight', norm);
    add('keyNorm', [H], 'attn_k_norm.weight', 'self_attn.k_norm.weight', norm);
    add('attentionOutput', [D, queryWidth], 'attn_output.weight', 'self_attn.o_proj.weight');
    add('ffnNorm', [D], 'ffn_norm.weight', 'post_attention_layernorm.weight', norm);
    if (layer < config.numDenseLayers) {
      add('gate', [config.denseSize, D], 'ffn_gate.weight', 'mlp.gate_proj.weight');
      add('up', [config.denseSize, D], 'ffn_up.weight', 'mlp.up_proj.weight');
      add('down', [D, config.denseSize], 'ffn_down.weight', 'mlp.down_proj.weight');
      continue;
    }
    add('router', [E, D], 'ffn_gate_inp.weight', 'mlp.gate.weight', { isRouter: true });
    add('routerBias', [E], 'exp_probs_b.bias', 'mlp.gate.e_score_correction_bias', {
      isRouter: true,
      optional: true,
    });
    add('experts.gate', [E, F, D], 'ffn_gate_exps.weight', 'mlp.experts.{e}.gate_proj.weight');
    add('experts.up', [E, F, D], 'ffn_up_exps.weight', 'mlp.experts.{e}.up_proj.weight');
    add('experts.down', [E, D, F], 'ffn_down_exps.weight', 'mlp.experts.{e}.down_proj.weight');
    if (config.numSharedExperts === 0) continue;
    // The shared experts are one fused network, not several.
    const sharedSize = F * config.numSharedExperts;
    add('shared.gate', [sharedSize, D], 'ffn_gate_shexp.weight', 'mlp.shared_experts.gate_proj.weight');
    add('shared.up', [sharedSize, D], 'ffn_up_shexp.weight', 'mlp.shared_experts.up_proj.weight');
    add('shared.down', [D, sharedSize], 'ffn_down_shexp.weight', 'mlp.shared_experts.down_proj.weight');
  }
  specs.push({
    name: 'outputNorm',
    shape: [D],
    gguf: 'output_norm.weight',
    hf: 'model.norm.weight',
    isNorm: true,
  });
  if (!config.tiedEmbeddings)
    specs.push({ name: 'output', shape: [V, D], gguf: 'output.weight', hf: 'lm_head.weight' });
  return specs;
}

/** The Hugging Face names of a spec: one, or one for each expert. */
export function hfNames(spec: WeightSpec): string[] {
  if (!spec.hf.includes('{e}')) return [spec.hf];
  return Array.from({ length: spec.shape[0] }, (_, expert) => spec.hf.replace('{e}', String(expert)));
}
