import { add } from '../../graph/ops/add.ts';
import { embedding } from '../../graph/ops/embedding.ts';
import { rmsNorm } from '../../graph/ops/rms-norm.ts';
import { takeRows } from '../../graph/ops/take-rows.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { ModelConfig, Step, WeightSpec, Weights } from '../architecture.ts';

interface DecoderConfig extends ModelConfig {
  readonly normEps: number;
}

/** A part of a layer: rows in, rows to be added out. */
type Branch = (x_TD: Tensor) => Tensor;

/** tokens_T -> last_OD: embedding, all layers, the last norm of the requested rows. */
export function decoder(
  w: Weights,
  c: DecoderConfig,
  step: Step,
  layerOf: (h_TD: Tensor, layer: number, w: Weights) => Tensor,
): Tensor {
  let h_TD = embedding(w('tokenEmbedding'), step.tokens_T);
  for (let layer = 0; layer < c.numLayers; layer++) {
    step.onLayer?.(layer, h_TD);
    h_TD = layerOf(h_TD, layer, (name) => w(`layers.${layer}.${name}`));
  }
  const last_OD = step.outputRows_O ? takeRows(h_TD, step.outputRows_O) : h_TD;
  return rmsNorm(last_OD, w('outputNorm'), { eps: c.normEps });
}

/** A layer that normalises what goes into attention and network, and adds what comes out. */
export function preNormLayer(
  h_TD: Tensor,
  w: Weights,
  { normEps }: DecoderConfig,
  attend: Branch,
  network: Branch,
): Tensor {
  const middle_TD = add(h_TD, attend(rmsNorm(h_TD, w('attentionNorm'), { eps: normEps })));
  return add(middle_TD, network(rmsNorm(middle_TD, w('ffnNorm'), { eps: normEps })));
}

/** A weight of one layer; names are without the layer's prefix. */
export type LayerWeight = Omit<WeightSpec, 'layer'> & { readonly hf: string };

/** Embedding, the weights of each layer, last norm and output matrix. */
export function decoderWeights(c: DecoderConfig, layerOf: (layer: number) => LayerWeight[]): WeightSpec[] {
  const { hiddenSize: D, vocabSize: V } = c;
  const layers = Array.from({ length: c.numLayers }, (_, layer) =>
    layerOf(layer).map((spec) => ({
      ...spec,
      name: `layers.${layer}.${spec.name}`,
      gguf: `blk.${layer}.${spec.gguf}`,
      hf: `model.layers.${layer}.${spec.hf}`,
      layer,
    })),
  );
  const output = { name: 'output', shape: [V, D], gguf: 'output.weight', hf: 'lm_head.weight' };
  return [
    { name: 'tokenEmbedding', shape: [V, D], gguf: 'token_embd.weight', hf: 'model.embed_tokens.weight' },
    ...layers.flat(),
    { name: 'outputNorm', shape: [D], gguf: 'output_norm.weight', hf: 'model.norm.weight', isNorm: true },
    ...(c.tiedEmbeddings ? [] : [output]),
  ];
}

/** Attention and network, each after its norm. */
export function preNormWeights(
  { hiddenSize: D }: ModelConfig,
  attention: LayerWeight[],
  network: LayerWeight[],
): LayerWeight[] {
  const norm = { shape: [D], isNorm: true };
  return [
    { name: 'attentionNorm', ...norm, gguf: 'attn_norm.weight', hf: 'input_layernorm.weight' },
    ...attention,
    { name: 'ffnNorm', ...norm, gguf: 'ffn_norm.weight', hf: 'post_attention_layernorm.weight' },
    ...network,
  ];
}
