import { linear } from '../../graph/ops/linear.ts';
import { mul } from '../../graph/ops/mul.ts';
import { silu } from '../../graph/ops/silu.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { Weights } from '../architecture.ts';
import type { LayerWeight } from './decoder.ts';

/** SwiGLU: down(silu(gate(x)) · up(x)). Source: arXiv:2002.05202. */
export function feedForward(x_TD: Tensor, w: Weights): Tensor {
  const hidden_TF = mul(silu(linear(x_TD, w('gate'))), linear(x_TD, w('up')));
  return linear(hidden_TF, w('down'));
}

/** Of a network `F` wide. */
export function feedForwardWeights(D: number, F: number): LayerWeight[] {
  return [
    { name: 'gate', shape: [F, D], gguf: 'ffn_gate.weight', hf: 'mlp.gate_proj.weight' },
    { name: 'up', shape: [F, D], gguf: 'ffn_up.weight', hf: 'mlp.up_proj.weight' },
    { name: 'down', shape: [D, F], gguf: 'ffn_down.weight', hf: 'mlp.down_proj.weight' },
  ];
}
