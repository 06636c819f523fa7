import { multiplyDim, sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { groupedLinearGradInput } from './grouped-linear-grad-input.ts';
import { groupedLinearGradWeight } from './grouped-linear-grad-weight.ts';

/**
 * One matrix for each expert: routed row r = t·K + k is multiplied by the matrix of expert experts_TK[t, k].
 * x is either one row for each token (x_TI, used for all K experts of that token) or one for each routed row (x_RI).
 * weight_EOI -> RO. A backend may sort rows by expert inside; the output stays in slot order.
 */
export const groupedLinear = defineOp<[x: Tensor, weight_EOI: Tensor, experts_TK: Tensor]>({
  name: 'groupedLinear',
  arity: 3,
  rowwise: true,
  joinable: true,
  infer(inputs) {
    const [x, weight, experts] = inputs;
    check(
      x.shape.length === 2 &&
        weight.shape.length === 3 &&
        experts.shape.length === 2 &&
        experts.type === 'i32',
      'groupedLinear',
      inputs,
      'expected rows, one matrix for each expert, and chosen experts',
    );
    check(
      sameDim(x.shape[1], weight.shape[2]),
      'groupedLinear',
      inputs,
      'rows of x and rows of the matrices must be equally long',
    );
    const numRouted = multiplyDim(experts.shape[0], experts.shape[1] as number);
    check(
      sameDim(x.shape[0], experts.shape[0]) || sameDim(x.shape[0], numRouted),
      'groupedLinear',
      inputs,
      'x must have a row for each token or for each routed row',
    );
    return { shape: [numRouted, weight.shape[1]], type: 'f32' };
  },
  multiplies: ({ inputs: [, [, numColumns, width]], output: [numRouted] }) => numRouted * numColumns * width,
  reads: ({ inputs: [, [numExperts, numColumns, width], [numTokens, numChosen]] }) =>
    numColumns * width * expectedExperts(numExperts, numChosen, numTokens),
  vjp({ gradient, inputs: [x, weight, experts] }) {
    const slotsPerRow = sameDim(x.shape[0], experts.shape[0]) ? (experts.shape[1] as number) : 1;
    return [
      groupedLinearGradInput(gradient, weight, experts, { slotsPerRow }),
      groupedLinearGradWeight(gradient, x, experts, { numExperts: weight.shape[0] as number }),
      undefined,
    ];
  },
});

/** How many different experts some tokens choose together, were the choice even. */
function expectedExperts(numExperts: number, numChosen: number, numTokens: number): number {
  return numExperts * (1 - (1 - numChosen / numExperts) ** numTokens);
}
