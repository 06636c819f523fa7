import { numElements, type Shape, sameDim } from '../dim.ts';
import { check, defineOp, type Op } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** The symbol and factor of each axis cannot travel as an attribute, so the new shape is split into two lists. */
const reshapeOp: Op<[x: Tensor], { times: readonly number[]; symbolAxis: number; symbol: string }> = defineOp(
  {
    name: 'reshape',
    arity: 1,
    aliasOf: 0,
    infer(inputs, { times, symbolAxis, symbol }) {
      const shape: Shape = times.map((n, axis) => (axis === symbolAxis ? { symbol, times: n } : n));
      check(
        sameDim(numElements(inputs[0].shape), numElements(shape)),
        'reshape',
        inputs,
        'the number of elements must not change',
      );
      return { shape, type: inputs[0].type };
    },
    vjp: ({ gradient, inputs: [x] }): Tensor[] => [reshape(gradient, x.shape)],
  },
);

/** The same values under another shape; costs nothing. */
export const reshape = Object.assign(
  (x: Tensor, shape: Shape): Tensor => {
    const symbolAxis = shape.findIndex((dim) => typeof dim !== 'number');
    const axis = symbolAxis >= 0 ? shape[symbolAxis] : undefined;
    return reshapeOp(x, {
      times: shape.map((dim) => (typeof dim === 'number' ? dim : dim.times)),
      symbolAxis,
      symbol: typeof axis === 'object' ? axis.symbol : '',
    });
  },
  { facts: reshapeOp.facts },
);
