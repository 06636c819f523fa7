// What training computes, as graphs: forward and backward of one micro-batch, the measuring of held-out text, the
// norm of all gradients, and the update. The store holds what they share (names.ts).

import { fuse } from '../compile/fuse.ts';
import { recompute } from '../compile/recompute.ts';
import { backward, type Seed } from '../graph/autograd.ts';
import { numElements } from '../graph/dim.ts';
import { accumulate } from '../graph/ops/accumulate.ts';
import { adamw } from '../graph/ops/adamw.ts';
import { add } from '../graph/ops/add.ts';
import { balanceWeights } from '../graph/ops/balance-weights.ts';
import { causalAttention } from '../graph/ops/causal-attention.ts';
import { countExperts } from '../graph/ops/count-experts.ts';
import { linearCrossEntropy } from '../graph/ops/linear-cross-entropy.ts';
import { linearCrossEntropyGrad } from '../graph/ops/linear-cross-entropy-grad.ts';
import { mul } from '../graph/ops/mul.ts';
import { muon } from '../graph/ops/muon.ts';
import { normalizeRows } from '../graph/ops/normalize-rows.ts';
import { reshape } from '../graph/ops/reshape.ts';
import { sumRows } from '../graph/ops/sum-rows.ts';
import { sumSquares } from '../graph/ops/sum-squares.ts';
import { takeColumns } from '../graph/ops/take-columns.ts';
import { type Graph, type GraphBuilder, reopen, type Tensor, trace } from '../graph/tensor.ts';
import { type ModelConfig, T } from '../model/architecture.ts';
import { head, hidden } from '../model/forward.ts';
import { routedLayers } from '../model/weights.ts';
import { gradientOf, meanOf, squareOf, trainedSpecs } from './names.ts';
import { hasWeightDecay, type OptimizerOptions, usesMuon } from './optimizer.ts';

export interface GradientGraphOptions {
  /** Whether the sequence-wise balance loss is part of it; then there is an input `balanceFactor`. */
  readonly balance: boolean;
  /** Recompute each layer in the backward pass instead of storing it. */
  readonly recompute: boolean;
  readonly supports: (op: string) => boolean;
}

/** s'_{i,t} = s_{i,t} / Σ_j s_{j,t}; scores are sigmoids, so their sum is far from zero. */
const SCORE_EPS = 1e-20;

/**
 * Forward and backward of one micro-batch: adds the gradients to the store's sums.
 *
 * Inputs `tokens`, `targets`, `positions`, `sequences` [T], `lossWeights` [T] (f32; what each row counts, already divided
 * by what all rows of the step count together) and, with balance, `balanceFactor` [1]. Outputs `losses` [T], for each layer
 * with experts `counts.L` [E], and, with balance, `balance` [1], the balance loss times its factor.
 */
export function gradientGraph(config: ModelConfig, options: GradientGraphOptions): Graph {
  const { builder, outputs: forward } = openForward(config, options);
  const numForward = builder.nodes.length;
  const specs = trainedSpecs(config);
  const shapes = new Map(specs.map(({ name, shape }) => [name, shape]));
  const headName = forward.head.name as string;
  const stateOf = (name: string): Tensor =>
    builder.state(gradientOf(name), shapes.get(name) as readonly number[]);

  const packed_TC = linearCrossEntropyGrad(
    stateOf(headName),
    forward.hidden,
    forward.head,
    builder.input('targets', [T]),
    builder.input('lossWeights', [T], 'f32'),
  );
  const width = config.hiddenSize;
  const outputs: Record<string, Tensor> = {
    losses: reshape(takeColumns(packed_TC, { first: width, count: 1 }), [T]),
  };
  const seeds: Seed[] = [
    { tensor: forward.hidden, gradient: takeColumns(packed_TC, { first: 0, count: width }) },
  ];
  for (const { layer } of routedLayers(config)) {
    outputs[`counts.${layer}`] = forward[`counts.${layer}`];
    if (!options.balance) continue;
    // The balance loss is linear in the shares, so its coefficients are its gradient.
    seeds.push({ tensor: forward[`shares.${layer}`], gradient: forward[`coefficients.${layer}`] });
  }
  if (forward.balance) outputs.balance = forward.balance;

  const wrt = specs.filter(({ name }) => name !== headName || config.tiedEmbeddings);
  const done: Record<string, Tensor> = {};
  backward(
    seeds,
    wrt.map(({ name, shape }) => builder.weight(name, shape)),
    (weight, gradient) => {
      const name = weight.name as string;
      done[name] = accumulate(stateOf(name), gradient);
    },
  );
  const graph = { nodes: builder.nodes, outputs };
  if (!options.recompute) return graph;
  const inputs = Array.from({ length: config.numLayers }, (_, layer) => forward[`inputs.${layer}`]);
  return withRecomputation(graph, inputs, numForward);
}

/** What held-out text costs: inputs as of `gradientGraph`, output `losses` [T]. */
export function measureGraph(config: ModelConfig, supports: (op: string) => boolean): Graph {
  const { builder, outputs } = openForward(config, { balance: false, supports });
  const losses = linearCrossEntropy(
    outputs.hidden,
    outputs.head,
    builder.input('targets', [T]),
    builder.input('lossWeights', [T], 'f32'),
  );
  return { nodes: builder.nodes, outputs: { losses } };
}

/** Σ g² of each parameter's summed gradient, by its name. */
export function normGraph(config: ModelConfig): Graph {
  return trace((graph) =>
    Object.fromEntries(
      trainedSpecs(config).map(({ name, shape }) => [name, sumSquares(graph.state(gradientOf(name), shape))]),
    ),
  );
}

/** The update of all parameters; input `rates` [4] as the op `adamw` wants them. Leaves all gradients at zero; `done` says nothing. */
export function updateGraph(config: ModelConfig, options: OptimizerOptions): Graph {
  const { type, beta1, beta2, eps, momentum, weightDecay } = options;
  return trace((graph) => {
    const rates_4 = graph.input('rates', [4], 'f32');
    let done = rates_4;
    for (const spec of trainedSpecs(config)) {
      const state = (name: string): Tensor => graph.state(name, spec.shape);
      const { name } = spec;
      const decay = hasWeightDecay(spec) ? weightDecay : 0;
      const [parameter, gradient, mean] = [name, gradientOf(name), meanOf(name)].map(state);
      done = usesMuon(spec, type)
        ? muon(parameter, gradient, mean, rates_4, { momentum, decay })
        : adamw(parameter, gradient, mean, state(squareOf(name)), rates_4, { beta1, beta2, eps, decay });
    }
    return { done };
  });
}

/**
 * The model up to its last norm, fused, as a graph to extend. Outputs `hidden`, `head` (the output matrix, which is left
 * to the loss), for each layer its input `inputs.L`, for each layer with experts `counts.L`, and with balance the loss
 * `balance`, and of it `shares.L` (scores that sum to one for each token) and `coefficients.L`.
 */
function openForward(
  config: ModelConfig,
  { balance, supports }: Omit<GradientGraphOptions, 'recompute'>,
): { builder: GraphBuilder; outputs: Readonly<Record<string, Tensor>> } {
  const graph = trace((g) => {
    const sequences_T = g.input('sequences', [T]);
    const found: Record<string, Tensor> = {};
    const hidden_TD = hidden(g, config, {
      tokens_T: g.input('tokens', [T]),
      positions_T: g.input('positions', [T]),
      attend: (_, q_TNH, k_TGH, v_TGH) => causalAttention(q_TNH, k_TGH, v_TGH, sequences_T),
      onLayer(layer, h_TD) {
        found[`inputs.${layer}`] = h_TD;
      },
      onRouted(layer, experts_TK, scores_TE) {
        const numExperts = scores_TE.shape[1] as number;
        found[`counts.${layer}`] = countExperts(experts_TK, { numExperts });
        if (!balance) return;
        const factor_1 = g.input('balanceFactor', [1], 'f32');
        const shares_TE = normalizeRows(scores_TE, { eps: SCORE_EPS });
        const coefficients_TE = balanceWeights(experts_TK, sequences_T, factor_1, { numExperts });
        const terms_TE = mul(coefficients_TE, shares_TE);
        found[`shares.${layer}`] = shares_TE;
        found[`coefficients.${layer}`] = coefficients_TE;
        const sum = sumRows(reshape(terms_TE, [numElements(terms_TE.shape), 1]));
        found.balance = found.balance ? add(found.balance, sum) : sum;
      },
    });
    return { hidden: hidden_TD, head: head(g, config), ...found };
  });
  return reopen(fuse(graph, supports));
}

/** Between forward and backward stay the inputs of the layers, and all of the last layer: it would come to life at once. */
function withRecomputation(graph: Graph, inputs: readonly Tensor[], numForward: number): Graph {
  const forward = graph.nodes.slice(0, numForward);
  const last = inputs[inputs.length - 1];
  const kept = new Set([...inputs, ...forward.slice(forward.indexOf(last))]);
  const { builder } = reopen({ nodes: [], outputs: {} });
  const copies = recompute(builder, graph.nodes, numForward, kept);
  const outputs = Object.entries(graph.outputs).map(([name, node]) => [name, copies.get(node) as Tensor]);
  return { nodes: builder.nodes, outputs: Object.fromEntries(outputs) };
}
