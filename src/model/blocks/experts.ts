import { groupedLinear } from '../../graph/ops/grouped-linear.ts';
import { mul } from '../../graph/ops/mul.ts';
import { silu } from '../../graph/ops/silu.ts';
import { weightedSum } from '../../graph/ops/weighted-sum.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { Weights } from '../architecture.ts';
import { notPositive } from '../config-problems.ts';
import { applying, type LlamaCppProblem } from '../llama-cpp-problem.ts';
import type { LayerWeight } from './decoder.ts';
import type { Routed } from './router.ts';

export interface ExpertsConfig {
  /** D */
  readonly hiddenSize: number;
  /** F, width of one routed expert */
  readonly expertSize: number;
  /** E */
  readonly numExperts: number;
  /** K */
  readonly numExpertsPerToken: number;
}

/** Every token through the SwiGLU networks of its experts, added up by their weights. */
export function experts(x_TD: Tensor, { experts_TK, weights_TK }: Routed, w: Weights): Tensor {
  const gate_RF = groupedLinear(x_TD, w('experts.gate'), experts_TK);
  const up_RF = groupedLinear(x_TD, w('experts.up'), experts_TK);
  const y_RD = groupedLinear(mul(silu(gate_RF), up_RF), w('experts.down'), experts_TK);
  return weightedSum(y_RD, weights_TK);
}

export function expertWeights(c: ExpertsConfig): LayerWeight[] {
  const { hiddenSize: D, expertSize: F, numExperts: E, numExpertsPerToken: numChosen } = c;
  const hf = (part: string): string => `mlp.experts.{e}.${part}_proj.weight`;
  return [
    { name: 'experts.gate', shape: [E, F, D], gguf: 'ffn_gate_exps.weight', hf: hf('gate'), numChosen },
    { name: 'experts.up', shape: [E, F, D], gguf: 'ffn_up_exps.weight', hf: hf('up'), numChosen },
    { name: 'experts.down', shape: [E, D, F], gguf: 'ffn_down_exps.weight', hf: hf('down'), numChosen },
  ];
}

/** What makes a configuration of experts impossible. */
export function expertProblems(c: ExpertsConfig): string[] {
  const problems = notPositive(c, ['expertSize', 'numExperts', 'numExpertsPerToken']);
  // Their ids are written in 16 bits.
  if (c.numExperts > 2 ** 16) problems.push(`numExperts = ${c.numExperts}`);
  if (c.numExpertsPerToken > c.numExperts)
    problems.push(`${c.numExpertsPerToken} experts for each token, but only ${c.numExperts} experts`);
  return problems;
}

/** LLAMA_MAX_EXPERTS of llama.cpp. */
const LLAMA_CPP_EXPERTS = 1024;

export function expertLlamaCppProblems({ numExperts }: ExpertsConfig): LlamaCppProblem[] {
  return applying([
    {
      applies: numExperts > LLAMA_CPP_EXPERTS,
      effect: 'refuses',
      why: `it has ${numExperts} experts`,
      remedy: `with at most ${LLAMA_CPP_EXPERTS} experts`,
    },
  ]);
}
